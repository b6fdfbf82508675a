/** One side of conversations over TCP, word for word: what is said is told by a test. A process in either namespace. */
import { connect as connectTo, createServer, type Socket } from 'node:net';
import { serve } from '../rpc.js';

// BOUNDED: one for each conversation of a test, until the process ends.
const talks = new Map<string, { socket: Socket; heard: number }>();

function begin(name: string, socket: Socket): void {
  const talk = { socket, heard: 0 };
  socket.on('data', (bytes) => {
    talk.heard += bytes.length;
  });
  socket.on('error', () => {});
  talks.set(name, talk);
}

/** Waits for one that has the name from then on. */
async function listen({ name, address, port }: { name: string; address: string; port: number }) {
  const server = createServer((socket) => begin(name, socket));
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
}

async function connect({ name, address, port }: { name: string; address: string; port: number }) {
  const socket = connectTo({ host: address, port, noDelay: true });
  begin(name, socket);
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
}

async function say({ name, hex }: { name: string; hex: string }) {
  await new Promise((resolve) => talks.get(name)!.socket.write(Buffer.from(hex, 'hex'), resolve));
}

/** Bytes that have come by now; -1: nobody has. */
async function heard({ name }: { name: string }): Promise<number> {
  return talks.get(name)?.heard ?? -1;
}

async function end({ name }: { name: string }) {
  talks.get(name)?.socket.end();
}

serve({ listen, connect, say, heard, end });
