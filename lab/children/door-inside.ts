/** The inner half of the demo's way to its page: a Unix socket, passed on to the gateway's own port in this namespace. */
import { rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { serve } from '../rpc.js';

serve({
  open: ({ port, socket }: { port: number; socket: string }) =>
    new Promise<null>((resolve, reject) => {
      rmSync(socket, { force: true });
      const server = createServer((outer) => pass(outer, port));
      server.maxConnections = 64;
      server.once('error', reject);
      server.listen(socket, () => resolve(null));
    }),
});

function pass(outer: Socket, port: number): void {
  const inner = connect(port, '127.0.0.1');
  let isThere = false;
  inner.once('connect', () => {
    isThere = true;
    outer.pipe(inner).pipe(outer);
  });
  inner.on('error', () => {
    if (isThere) outer.destroy();
    else explain(outer);
  });
  inner.on('close', () => isThere && outer.destroy());
  outer.on('error', () => inner.destroy());
  outer.on('close', () => inner.destroy());
}

/** Whoever opens the page while another policy is measured is told so; what the page itself asks finds nobody. */
function explain(outer: Socket): void {
  outer.once('data', (piece: Buffer) => {
    if (!piece.toString('latin1').startsWith('GET / ')) outer.destroy();
    else outer.end(ANSWER);
  });
}

const TEXT =
  '<!doctype html><meta charset="utf-8"><title>Pathrace demo</title><p style="font: 16px system-ui; margin: 3rem">The demo measures plain NAT at this moment, without the gateway. The page comes by itself when the gateway races again.';
const ANSWER = [
  'HTTP/1.1 503 Service Unavailable',
  'Content-Type: text/html; charset=utf-8',
  `Content-Length: ${Buffer.byteLength(TEXT)}`,
  'Refresh: 2',
  'Connection: close',
  '',
  TEXT,
].join('\r\n');
