/**
 * One gateway in a network namespace: taken before anything is touched, given back by the kernel when the process ends.
 *
 * The lock is a packet queue that nothing is sent to. A queue belongs to a network namespace, as does everything that a gateway
 * changes; one socket at a time may be bound to it, and only CAP_NET_ADMIN may bind (docs/decisions/0019-one-gateway.md).
 */
import { PathraceError } from '../model/errors.js';
import { encodeBind } from '../wire/netlink/nfqueue.js';
import { LOCK_QUEUE } from './constants.js';
import { E } from './ffi.js';
import { NETLINK_NETFILTER, NetlinkSocket, netlinkError } from './netlink-socket.js';
import { isQueueBound } from './queue-state.js';

/** Takes the lock, or says E_ALREADY_RUNNING. */
export function lockNamespace(): { close(): void } {
  const socket = new NetlinkSocket(NETLINK_NETFILTER, { sendBytes: 4096, receiveBytes: 4096 });
  encodeBind(socket.writer, LOCK_QUEUE, socket.nextSequence());
  const error = socket.request();
  if (error === 0) return socket;
  socket.close();
  // EPERM is said to those who may not bind at all, too (nfqnl_recv_config).
  const isTaken = error === E.BUSY || (error === E.PERM && isQueueBound(LOCK_QUEUE));
  if (!isTaken) throw netlinkError('lock the network namespace', error);
  throw new PathraceError('E_ALREADY_RUNNING', 'A gateway already serves this network namespace.');
}
