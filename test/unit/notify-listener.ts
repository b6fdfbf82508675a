/** A service manager's end of NOTIFY_SOCKET: a datagram socket that is read until it is empty. */
import { allocate, recycle, sys } from '../../src/kernel/ffi.js';

const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK = 2 | 0x800;

export interface NotifyListener {
  /** What has come since the last time, in order. */
  read(): string[];
  close(): void;
}

/** Listens at a path, or at an abstract name after `@`. */
export function listenForNotifications(path: string): NotifyListener {
  const fd = sys.socket(AF_UNIX, SOCK_DGRAM_NONBLOCK, 0);
  const address = allocate(110);
  const memory = allocate(4096);
  address.view.setUint16(0, AF_UNIX, true);
  address.bytes.set(new TextEncoder().encode(path), 2);
  if (path.startsWith('@')) address.bytes[2] = 0;
  const length = 2 + path.length + (path.startsWith('@') ? 0 : 1);
  if (sys.bind(fd, address.address, length) !== 0) throw new Error(`cannot listen at ${path}`);
  return {
    read(): string[] {
      const found: string[] = [];
      for (;;) {
        const received = sys.recv(fd, memory.address, 4096, 0);
        if (received < 0) return found;
        found.push(new TextDecoder().decode(memory.bytes.slice(0, received)));
      }
    },
    close(): void {
      sys.close(fd);
      recycle(address);
      recycle(memory);
    },
  };
}
