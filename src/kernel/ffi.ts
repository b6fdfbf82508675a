/**
 * The only file that loads koffi: system calls of Linux, unmanaged memory, and waiting for a descriptor.
 * Pointers are plain numbers (user addresses fit in 48 bits), so a call allocates nothing.
 */
import koffi from 'koffi';
import { PathraceError } from '../model/errors.js';

const libc = koffi.load(null);

/** Memory outside the JavaScript heap: its address for system calls, and two views of the same bytes. */
export interface Memory {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

const calloc = libc.func('calloc', 'uintptr_t', ['size_t', 'size_t']);

/**
 * Allocates `size` zeroed bytes; made once per buffer, never per packet. Memory is not given back to the system, since
 * its views may still be referenced, but `recycle` keeps it for the next buffer of the same size.
 */
export function allocate(size: number): Memory {
  const recycled = idle.get(size)?.pop();
  if (recycled !== undefined) {
    recycled.bytes.fill(0);
    return recycled;
  }
  const address = Number(calloc(1, size));
  if (held !== null && buffers < MOST_BUFFERS) held[MOST_DESCRIPTORS + buffers++] = address;
  const buffer = koffi.view(address, size);
  return { address, bytes: new Uint8Array(buffer), view: new DataView(buffer) };
}

/** Gives memory back that nobody uses any more. */
export function recycle(memory: Memory): void {
  const size = memory.bytes.length;
  const list = idle.get(size);
  if (list === undefined) idle.set(size, [memory]);
  else list.push(memory);
}

// BOUNDED: by the largest number of buffers of each size in use at one time.
const idle = new Map<number, Memory[]>();

/** A system call: what libc returns, `errno()` tells the rest. */
export type SystemCall = (...args: number[]) => number;

/** A call that the gateway does not need and the lab does, by the names of C: `systemCall('setns', 'int', ['int', 'int'])`. */
export function systemCall(name: string, result: string, parameters: readonly string[]): SystemCall {
  return libc.func(name, result, [...parameters]) as unknown as SystemCall;
}

/**
 * What a thread holds that does not end with it: descriptors and memory. It is noted where another thread sees it, which gives
 * it back when this one is gone, however it ended.
 */
const MOST_DESCRIPTORS = 256;
const MOST_BUFFERS = 2048;
let held: Float64Array | null = null;
let buffers = 0;

export function createHoldings(): SharedArrayBuffer {
  return new SharedArrayBuffer((MOST_DESCRIPTORS + MOST_BUFFERS) * Float64Array.BYTES_PER_ELEMENT);
}

/** From now on this thread notes what it holds. */
export function noteHoldings(memory: SharedArrayBuffer): void {
  held = new Float64Array(memory);
}

/** Gives back what a thread that has ended held; returns how many descriptors. */
export function releaseHoldings(memory: SharedArrayBuffer): number {
  const all = new Float64Array(memory);
  const descriptors = all.subarray(0, MOST_DESCRIPTORS).filter((entry) => entry !== 0);
  for (const entry of descriptors) sys.close(entry - 1);
  for (const address of all.subarray(MOST_DESCRIPTORS)) if (address !== 0) free(address);
  all.fill(0);
  return descriptors.length;
}

const free = libc.func('free', 'void', ['uintptr_t']);

/** Notes a descriptor, plus one: 0 is free. */
function holding(fd: number): number {
  if (held === null || fd < 0) return fd;
  const place = held.subarray(0, MOST_DESCRIPTORS).indexOf(0);
  if (place >= 0) held[place] = fd + 1;
  return fd;
}

/** Before the number can be another's. */
function forgotten(close: SystemCall): SystemCall {
  return (fd) => {
    const place = held === null ? -1 : held.subarray(0, MOST_DESCRIPTORS).indexOf(fd + 1);
    if (place >= 0) held![place] = 0;
    return close(fd);
  };
}

/**
 * Where a rehearsal's sockets come from in place of the kernel (rehearsal/stand-in.ts): what is opened while `work` runs. A family of
 * addresses in, a descriptor that needs no address of its own out.
 */
export function openedBy<T>(open: (family: number) => number, work: () => T): T {
  standIn = open;
  try {
    return work();
  } finally {
    standIn = null;
  }
}

let standIn: ((family: number) => number) | null = null;

/** What is opened now leads to no kernel. */
export function isRehearsed(): boolean {
  return standIn !== null;
}

const socket = libc.func('socket', 'int', ['int', 'int', 'int']) as unknown as SystemCall;
const bind = libc.func('bind', 'int', ['int', 'uintptr_t', 'uint32_t']) as unknown as SystemCall;
const socketPair = libc.func('socketpair', 'int', [
  'int',
  'int',
  'int',
  'uintptr_t',
]) as unknown as SystemCall;

/** Two descriptors that lead to each other; null: there are none left. */
export function openPair(family: number, type: number): [number, number] | null {
  if (socketPair(family, type, 0, scratch.address) !== 0) return null;
  const ends = [scratch.view.getInt32(0, true), scratch.view.getInt32(4, true)];
  return [holding(ends[0]), holding(ends[1])];
}

const exitNow = libc.func('_exit', 'void', ['int']);

/** Ends the process without waiting for its threads, as `exit` of the C library does where one of them waits for a disk. */
export function exitAtOnce(code: number): void {
  exitNow(code);
}

/** The system calls of the gateway. */
export const sys = {
  socket: ((family, type, protocol) =>
    standIn === null ? holding(socket(family, type, protocol)) : standIn(family)) as SystemCall,
  bind: ((fd, address, length) => (standIn === null ? bind(fd, address, length) : 0)) as SystemCall,
  connect: libc.func('connect', 'int', ['int', 'uintptr_t', 'uint32_t']) as unknown as SystemCall,
  setsockopt: libc.func('setsockopt', 'int', [
    'int',
    'int',
    'int',
    'uintptr_t',
    'uint32_t',
  ]) as unknown as SystemCall,
  getsockopt: libc.func('getsockopt', 'int', [
    'int',
    'int',
    'int',
    'uintptr_t',
    'uintptr_t',
  ]) as unknown as SystemCall,
  send: libc.func('send', 'intptr_t', ['int', 'uintptr_t', 'size_t', 'int']) as unknown as SystemCall,
  recv: libc.func('recv', 'intptr_t', ['int', 'uintptr_t', 'size_t', 'int']) as unknown as SystemCall,
  recvmmsg: libc.func('recvmmsg', 'int', [
    'int',
    'uintptr_t',
    'uint32_t',
    'int',
    'uintptr_t',
  ]) as unknown as SystemCall,
  sendmmsg: libc.func('sendmmsg', 'int', ['int', 'uintptr_t', 'uint32_t', 'int']) as unknown as SystemCall,
  close: forgotten(libc.func('close', 'int', ['int']) as unknown as SystemCall),
  ifIndex: libc.func('if_nametoindex', 'uint32_t', ['str']) as unknown as (name: string) => number,
};

/**
 * `send` on a thread of the pool, for requests that keep the caller waiting inside the kernel. `done` gets what send
 * returned; the memory must stay as it is until then.
 */
export function sendInBackground(
  fd: number,
  address: number,
  length: number,
  done: (sent: number) => void,
): void {
  backgroundSend.async(fd, address, length, 0, (error: unknown, sent: number) =>
    done(error === null ? sent : -1),
  );
}

const backgroundSend = libc.func('send', 'intptr_t', ['int', 'uintptr_t', 'size_t', 'int']);

/** The error number of the last system call made through `sys` on this thread. */
export function errno(): number {
  return koffi.errno();
}

const names = new Map<number, string>(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]));

/** `ENOENT` for 2, and so on; the number itself where the system has no name for it. */
export function errnoName(number: number): string {
  return names.get(number) ?? `errno ${number}`;
}

/** Error numbers that the code branches on (asm-generic/errno.h). */
export const E = {
  PERM: 1,
  NOENT: 2,
  INTR: 4,
  BADF: 9,
  AGAIN: 11,
  NOMEM: 12,
  BUSY: 16,
  EXIST: 17,
  NOBUFS: 105,
} as const;

/** A descriptor that the event loop watches until `close()`. */
export interface Watch {
  close(): void;
}

// BOUNDED: one per open socket. A handle that is not referenced is collected, and its socket goes silent.
const alive = new Set<Watch>();

/** Calls `onReadable` from the event loop whenever `fd` has something to read. Level-triggered. */
export function watchReadable(fd: number, onReadable: () => void): Watch {
  // What koffi is given must be open: it ends the process over what is not.
  const isOpen = sys.getsockopt(fd, 1, 3, scratch.address, scratch.address + 8) === 0 || errno() !== E.BADF;
  if (!isOpen) throw new PathraceError('E_INTERNAL', 'A descriptor that is closed cannot be watched.');
  const handle = koffi.node.poll(fd, onReadable);
  const watch: Watch = {
    close(): void {
      if (alive.delete(handle)) handle.close();
    },
  };
  alive.add(handle);
  return watch;
}

/** Sets an integer socket option. */
export function setOption(fd: number, level: number, option: number, value: number): boolean {
  scratch.view.setInt32(0, value, true);
  return sys.setsockopt(fd, level, option, scratch.address, 4) === 0;
}

const scratch = allocate(16);
