/** Packets with a source of our choosing, many per system call, each with the mark of its route. */
import type { Family } from '../model/address.js';
import { MAX_BUILT_LENGTH, type PacketSpace } from '../wire/build.js';
import { MAX_DATAGRAM_LENGTH } from '../wire/udp.js';
import { allocate, E, errno, isRehearsed, type Memory, recycle, setOption, sys } from './ffi.js';
import { MessageArray } from './mmsg.js';
import { netlinkError } from './netlink-socket.js';

/** Packets sent with one system call: short ones, headers alone; and long ones. */
export const SHORT = { batch: 256, length: MAX_BUILT_LENGTH } as const;
export const LONG = { batch: 64, length: MAX_DATAGRAM_LENGTH } as const;
const NAME_LENGTH = { 4: 16, 6: 28 } as const;
/** Of the destination: its place in the IP header and in the socket address, and how many words it has. */
const DESTINATION = { 4: { from: 16, to: 4, words: 1 }, 6: { from: 24, to: 8, words: 4 } } as const;
const AF = { 4: 2, 6: 10 } as const;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
/** Implies that the caller writes the IP header (raw(7)). */
const IPPROTO_RAW = 255;
const SOL_SOCKET = 1;
const SO_MARK = 36;
const SO_SNDBUFFORCE = 32;
const SEND_BUFFER = 4 * 1024 * 1024;
/** One control message: struct cmsghdr and a 32-bit mark, padded to 8. */
const CONTROL = 24;
const MSG_DONTWAIT = 0x40;

/** Told of each packet that could not be sent, with the tag it was given. */
export type NotSent = (tag: number, error: number) => void;

export class RawSocket implements PacketSpace {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the packet that `begin` has asked for is written. */
  at = 0;

  private readonly fd: number;
  private readonly packets: Memory;
  private readonly names: Memory;
  private readonly controls: Memory;
  private readonly messages: MessageArray;
  private readonly tags: Float64Array;
  private readonly batch: number;
  private readonly slot: number;
  private count = 0;

  constructor(
    private readonly family: Family,
    private readonly notSent: NotSent,
    { batch, length }: typeof SHORT | typeof LONG = SHORT,
  ) {
    this.batch = batch;
    this.slot = length + 16;
    this.messages = new MessageArray(batch);
    this.tags = new Float64Array(batch);
    this.fd = sys.socket(AF[family], SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
    if (this.fd < 0) throw netlinkError(`open a raw socket for IPv${family}`, errno());
    this.packets = allocate(batch * this.slot);
    this.bytes = this.packets.bytes;
    this.view = this.packets.view;
    const nameLength = NAME_LENGTH[family];
    this.names = allocate(batch * 32);
    this.controls = allocate(batch * CONTROL);
    for (let i = 0; i < batch; i++) {
      this.names.view.setUint16(i * 32, AF[family], true);
      this.messages.setBuffer(i, this.packets.address + i * this.slot, 0);
      this.messages.setName(i, this.names.address + i * 32, nameLength);
      this.controls.view.setUint32(i * CONTROL, 20, true);
      this.controls.view.setInt32(i * CONTROL + 8, SOL_SOCKET, true);
      this.controls.view.setInt32(i * CONTROL + 12, SO_MARK, true);
      // Other sockets know of no marks.
      if (!isRehearsed()) this.messages.setControl(i, this.controls.address + i * CONTROL, CONTROL);
    }
    setOption(this.fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER);
  }

  /** The space for the next packet; `commit` takes it. Sends first when the batch is full. */
  begin(): PacketSpace {
    if (this.count === this.batch) this.flush();
    this.at = this.count * this.slot;
    return this;
  }

  /** Takes the packet of `length` bytes written at `begin()`: it goes to the destination that its header names. 0: there is none. */
  commit(length: number, mark: number, tag: number): void {
    if (length === 0) return;
    const i = this.count++;
    this.messages.setLength(i, length);
    const { from, to, words } = DESTINATION[this.family];
    for (let n = 0; n < words; n++)
      this.names.view.setInt32(i * 32 + to + 4 * n, this.view.getInt32(this.at + from + 4 * n));
    this.controls.view.setUint32(i * CONTROL + 16, mark, true);
    this.tags[i] = tag;
  }

  /** Sends everything; a refused packet is reported and does not hold up the others. False: there was nothing. */
  flush(): boolean {
    const { count } = this;
    if (count === 0) return false;
    this.count = 0;
    let at = 0;
    while (at < count) {
      const done = sys.sendmmsg(this.fd, this.messages.addressOf(at), count - at, MSG_DONTWAIT);
      if (done > 0) {
        at += done;
        continue;
      }
      const error = errno();
      if (error === E.INTR) continue;
      this.notSent(this.tags[at], error);
      at++;
    }
    return true;
  }

  close(): void {
    sys.close(this.fd);
    this.messages.close();
    for (const memory of [this.packets, this.names, this.controls]) recycle(memory);
  }
}
