/** `pathrace cleanup`: removes what a gateway left in the kernel. */
import { type CommandIo, EXIT, writeJson } from './io.js';

export async function runCleanup(force: boolean, json: boolean, io: CommandIo): Promise<number> {
  const { cleanUp } = await import('../kernel/cleanup.js');
  const { removed } = await cleanUp({ force });
  if (json) writeJson(io.stdout, { removed });
  else if (removed.length === 0) io.stdout.write('Nothing to remove.\n');
  else for (const item of removed) io.stdout.write(`removed ${item}\n`);
  return EXIT.ok;
}
