/** Datagrams to the service manager: the socket that `NOTIFY_SOCKET` names (sd_notify(3)). */
import { allocate, recycle, sys } from './ffi.js';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const MSG_NOSIGNAL = 0x4000;
/** sockaddr_un: the family, and a path of 108 bytes. */
const MOST_PATH_BYTES = 108;

/**
 * Sends one datagram to the socket at `path`, an absolute path, or an abstract name after `@`. False: nobody has got it, which a service
 * that a manager does not wait for may ignore. A socket of its own for each: the manager's may be a new one after it has been updated.
 */
export function sendNotification(path: string, text: string): boolean {
  const name = new TextEncoder().encode(path);
  if (!/^[/@]./.test(path) || name.length >= MOST_PATH_BYTES) return false;
  const fd = sys.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const address = allocate(2 + MOST_PATH_BYTES);
  const body = new TextEncoder().encode(text);
  const memory = allocate(Math.max(1, body.length));
  try {
    address.view.setUint16(0, AF_UNIX, true);
    address.bytes.set(name, 2);
    // An abstract name begins with a zero and has its length; a path ends with one.
    if (path.startsWith('@')) address.bytes[2] = 0;
    memory.bytes.set(body);
    const length = 2 + name.length + (path.startsWith('@') ? 0 : 1);
    if (sys.connect(fd, address.address, length) !== 0) return false;
    return sys.send(fd, memory.address, body.length, MSG_NOSIGNAL) === body.length;
  } finally {
    sys.close(fd);
    recycle(address);
    recycle(memory);
  }
}
