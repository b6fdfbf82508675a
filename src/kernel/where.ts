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

/** The Ethernet address of a neighbour, as far as the kernel knows one. */
export async function hardwareOf(address: string): Promise<string | null> {
  const { code, stdout } = await attemptCommand('ip', ['-j', 'neigh', 'show', address]);
  if (code !== 0 || stdout.trim() === '') return null;
  const [found] = JSON.parse(stdout) as { lladdr?: string }[];
  return found?.lladdr ?? null;
}
