/** The recording TCP server, a process in a server's namespace. */
import { createServer, type Socket } from 'node:net';
import { serve } from '../rpc.js';
import { pattern } from './pattern.js';

export interface EchoOptions {
  /** Default 7. */
  ports?: readonly number[];
  /** `echo` sends back what comes, `discard` does not, `silent` accepts and never reads. Default `echo`. */
  mode?: 'echo' | 'discard' | 'silent';
  /** Bytes that the server sends first, before anything is received (`pattern(0, 0, greeting)`); default 0. */
  greeting?: number;
  /** The server closes after it has received this many bytes, so that its side has the TIME_WAIT; default never. */
  closeAfterBytes?: number;
}

/** Times in monotonic microseconds, as in the trace of the wire. */
export interface EchoConnection {
  remoteAddress: string;
  remotePort: number;
  localAddress: string;
  localPort: number;
  openedAt: number;
  /** Absent while the connection is open. */
  closedAt?: number;
  received: number;
  sent: number;
  error?: string;
}

// BOUNDED: the newest RECORD_LIMIT connections.
let records: EchoConnection[] = [];
const RECORD_LIMIT = 200_000;
const total = { accepted: 0, open: 0, bytes: 0 };

async function listen(options: EchoOptions): Promise<void> {
  for (const port of options.ports ?? [7]) {
    await new Promise<void>((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
        accept(socket, options),
      );
      server.on('error', reject);
      server.listen({ port, host: '::', backlog: 4096 }, resolve);
    });
  }
}

function accept(socket: Socket, options: EchoOptions): void {
  const record: EchoConnection = {
    remoteAddress: plain(socket.remoteAddress),
    remotePort: socket.remotePort ?? 0,
    localAddress: plain(socket.localAddress),
    localPort: socket.localPort ?? 0,
    openedAt: micros(),
    received: 0,
    sent: 0,
  };
  total.accepted++;
  total.open++;
  records.push(record);
  if (records.length > RECORD_LIMIT) records = records.slice(RECORD_LIMIT / 10);
  const send = (bytes: Buffer): boolean => {
    record.sent += bytes.length;
    return socket.write(bytes);
  };
  socket.on('error', (error: NodeJS.ErrnoException) => {
    record.error = error.code ?? error.message;
  });
  socket.on('close', () => {
    record.closedAt = micros();
    total.open--;
  });
  if (options.greeting) send(pattern(0, 0, options.greeting));
  if (options.mode === 'silent') return;
  socket.on('data', (bytes) => {
    record.received += bytes.length;
    total.bytes += bytes.length;
    if (options.mode !== 'discard' && !send(bytes)) socket.pause();
    if (record.received >= (options.closeAfterBytes ?? Number.POSITIVE_INFINITY)) socket.end();
  });
  socket.on('drain', () => socket.resume());
  socket.on('end', () => socket.end());
}

function plain(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '');
}

function micros(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

serve({
  listen,
  connections: () => records,
  count: () => total,
  forget: () => {
    records = [];
    total.accepted = total.open;
    total.bytes = 0;
  },
});
