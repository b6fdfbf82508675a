/** The outer half of the demo's way to its page: a port of the loopback address, passed on to a Unix socket. */
import { rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';

/** As in the documentation; another one where it is taken. */
const WANTED = 8088;

const socketPath = process.argv[2] as string;
const end = (): never => {
  rmSync(dirname(socketPath), { recursive: true, force: true });
  process.exit(0);
};
process.stdin.on('end', end).on('error', end).resume();
// Ctrl-C is meant for the demo, which then ends this one.
process.on('SIGINT', () => undefined);

const server = createServer((outer: Socket) => {
  const inner = connect(socketPath);
  for (const [from, to] of [
    [outer, inner],
    [inner, outer],
  ] as const) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.pipe(to);
  }
});
server.maxConnections = 64;
server.once('error', () => server.listen(0, '127.0.0.1'));
server.on('listening', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' ? address?.port : 0}\n`);
});
server.listen(WANTED, '127.0.0.1');
