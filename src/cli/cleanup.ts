/** `pathrace cleanup`: removes what a gateway left in the kernel, and gives settings back their values. */
import { type CommandIo, EXIT, writeResult } from './io.js';

export async function runCleanup(force: boolean, json: boolean, io: CommandIo): Promise<number> {
  const { cleanUp } = await import('../kernel/cleanup.js');
  const { removed, restored, left } = await cleanUp({ force });
  if (json) {
    writeResult(io, { removed, restored, left }, left.length === 0);
  } else {
    if (removed.length + restored.length + left.length === 0) io.stdout.write('Nothing to remove.\n');
    for (const item of removed) io.stdout.write(`removed ${item}\n`);
    for (const item of restored) io.stdout.write(`restored ${item}\n`);
    for (const item of left) io.stderr.write(`could not remove ${item}\n`);
  }
  return left.length === 0 ? EXIT.ok : EXIT.failed;
}
