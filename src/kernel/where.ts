/** Where an address is, by the main table of routes, as `ip` says it: nothing is sent. */
import { LOCAL } from '../model/config.js';
import { attemptCommand } from './command.js';

/** The interface behind which an address is; LOCAL: it is the machine's own; null: nobody knows a way there. */
export async function interfaceOf(address: string): Promise<string | null> {
  const { code, stdout } = await attemptCommand('ip', ['-j', 'route', 'get', address]);
  if (code !== 0) return null;
  const [found] = JSON.parse(stdout) as { dev?: string; type?: string }[];
  return found?.type === 'local' ? LOCAL : (found?.dev ?? null);
}

/** Ethernet addresses of the neighbours that the kernel knows, by their addresses. */
export async function readNeighbours(): Promise<ReadonlyMap<string, string>> {
  const { code, stdout } = await attemptCommand('ip', ['-j', 'neigh', 'show']);
  if (code !== 0 || stdout.trim() === '') return new Map();
  const found = JSON.parse(stdout) as { dst?: string; lladdr?: string }[];
  return new Map(
    found.flatMap(({ dst, lladdr }) => (dst === undefined || lladdr === undefined ? [] : [[dst, lladdr]])),
  );
}
