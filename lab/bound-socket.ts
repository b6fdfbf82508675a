/** UDP sockets of this process in a namespace of the lab. */
import { createSocket, type Socket } from 'node:dgram';
import { inNamespaceOf } from './tap.js';

/** A socket belongs to the namespace in which it is made: at bind, which Node does at once for an address. */
export function boundIn(namespace: string, address: string, port: number): Promise<Socket> {
  const family = address.includes(':') ? 6 : 4;
  // Node's own look-up would leave the namespace's moment.
  const lookup = (name: string, _: unknown, done: (error: null, address: string, family: number) => void) =>
    done(null, name, family);
  const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', lookup: lookup as never });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('listening', () => resolve(socket));
    inNamespaceOf(namespace, () => socket.bind({ port, address, exclusive: true }));
  });
}
