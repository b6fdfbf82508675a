/** UDP sockets of this process in a namespace of the lab. */
import { createSocket, type Socket } from 'node:dgram';
import { inNamespaceOf } from '../../../lab/tap.js';

/** Node's own look-up would leave the namespace's moment. */
export function datagramSocket(type: 'udp4' | 'udp6'): Socket {
  const lookup = (name: string, _: unknown, done: (error: null, address: string, family: number) => void) =>
    done(null, name, type === 'udp4' ? 4 : 6);
  return createSocket({ type, lookup: lookup as never });
}

/** Binds a socket in a namespace. */
export function boundIn(namespace: string, socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('listening', resolve);
    inNamespaceOf(namespace, () => socket.bind({ port, address, exclusive: true }));
  });
}
