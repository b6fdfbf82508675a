/** An array of struct mmsghdr for recvmmsg and sendmmsg (64-bit layout, socket.h). */
import { allocate, type Memory, recycle } from './ffi.js';

const HEADER = 64;
const IOVEC = 16;
const AT = {
  NAME: 0,
  NAME_LENGTH: 8,
  IOV: 16,
  IOV_COUNT: 24,
  CONTROL: 32,
  CONTROL_LENGTH: 40,
  LENGTH: 56,
} as const;

/** Each message has one buffer; addresses are below 2^53, so a number holds them. */
export class MessageArray {
  private readonly headers: Memory;
  private readonly vectors: Memory;

  constructor(readonly count: number) {
    this.headers = allocate(count * HEADER);
    this.vectors = allocate(count * IOVEC);
    for (let i = 0; i < count; i++) {
      this.setPointer(this.headers.view, i * HEADER + AT.IOV, this.vectors.address + i * IOVEC);
      this.headers.view.setUint32(i * HEADER + AT.IOV_COUNT, 1, true);
    }
  }

  get address(): number {
    return this.headers.address;
  }

  /** Address of the i-th header, to send from there on. */
  addressOf(i: number): number {
    return this.headers.address + i * HEADER;
  }

  setBuffer(i: number, address: number, length: number): void {
    this.setPointer(this.vectors.view, i * IOVEC, address);
    this.setLength(i, length);
  }

  setLength(i: number, length: number): void {
    this.vectors.view.setUint32(i * IOVEC + 8, length, true);
  }

  setName(i: number, address: number, length: number): void {
    this.setPointer(this.headers.view, i * HEADER + AT.NAME, address);
    this.headers.view.setUint32(i * HEADER + AT.NAME_LENGTH, length, true);
  }

  setControl(i: number, address: number, length: number): void {
    this.setPointer(this.headers.view, i * HEADER + AT.CONTROL, address);
    this.headers.view.setUint32(i * HEADER + AT.CONTROL_LENGTH, length, true);
  }

  /** Bytes that the last recvmmsg put into buffer i. */
  received(i: number): number {
    return this.headers.view.getUint32(i * HEADER + AT.LENGTH, true);
  }

  /** Gives the memory of the headers back; the array must not be used any more. */
  close(): void {
    recycle(this.headers);
    recycle(this.vectors);
  }

  private setPointer(view: DataView, at: number, address: number): void {
    view.setUint32(at, address >>> 0, true);
    view.setUint32(at + 4, Math.floor(address / 0x1_0000_0000), true);
  }
}
