/** One packet socket for all interfaces of the namespace: batches in with their arrival times, batches out. */
import { allocate, E, errno, errnoName, setOption, sys } from '../../src/kernel/ffi.js';
import { type FramePool, SLOT_BYTES } from './frame-pool.js';
import { calls } from './system-calls.js';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL_BE = 0x0300;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_TIMESTAMPNS = 35;
const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
const PACKET_QDISC_BYPASS = 20;
const PACKET_IGNORE_OUTGOING = 23;
const MSG_DONTWAIT = 0x40;
const CLOCK_REALTIME = 0;
const BUFFER_BYTES = 16 << 20;

const BATCH = 64;
/** struct mmsghdr, struct iovec, struct sockaddr_ll, and a control message with one struct timespec, on 64-bit Linux. */
const HEADER_BYTES = 64;
const VECTOR_BYTES = 16;
const ADDRESS_BYTES = 24;
const CONTROL_BYTES = 64;

/** Monotonic microseconds, the clock of `process.hrtime`, as a double: exact to a fraction of a microsecond. */
export function nowMicros(): number {
  return clockOffset + performance.now() * 1000;
}

const clockOffset = Number(process.hrtime.bigint()) / 1000 - performance.now() * 1000;

type OnFrame = (slot: number, device: number, arrival: number) => void;

export class PacketSocket {
  readonly fd: number;
  readonly #pool: FramePool;
  readonly #in = new Batch();
  readonly #out = new Batch();
  readonly #inSlots = new Int32Array(BATCH).fill(-1);
  // BOUNDED: BATCH, then it is sent.
  readonly #outSlots = new Int32Array(BATCH);
  #outCount = 0;
  readonly #clock = allocate(16);
  readonly #statistics = allocate(16);
  #overruns = 0;
  /** Sends that the kernel refused, for instance on an interface that is down. */
  sendErrors = 0;

  constructor(pool: FramePool) {
    this.#pool = pool;
    this.fd = sys.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL_BE);
    if (this.fd < 0) throw new Error(`packet socket: ${errnoName(errno())}`);
    setOption(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES);
    setOption(this.fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES);
    setOption(this.fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    setOption(this.fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
    setOption(this.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
  }

  /** Hands over what has arrived, one batch; false when there was less than a full one. `onFrame` owns the slots. */
  receive(onFrame: OnFrame): boolean {
    const wanted = this.#prepare();
    if (wanted === 0) return false;
    const count = sys.recvmmsg(this.fd, this.#in.memory.address, wanted, MSG_DONTWAIT, 0);
    if (count <= 0) return false;
    const now = nowMicros();
    const realNow = this.#realMicros();
    for (let index = 0; index < count; index++) {
      const slot = this.#inSlots[index] as number;
      this.#inSlots[index] = -1;
      this.#pool.lengths[slot] = this.#in.length(index);
      const age = realNow - this.#in.timestampMicros(index);
      const arrival = age >= 0 && age < 1e6 ? now - age : now;
      onFrame(slot, this.#in.device(index), arrival);
    }
    return count === wanted;
  }

  /** Sends the frame with the next `flush`, and gives its slot back. */
  send(slot: number, device: number): void {
    const index = this.#outCount++;
    this.#outSlots[index] = slot;
    this.#out.point(index, this.#pool.memory.address + slot * SLOT_BYTES, this.#pool.lengths[slot] as number);
    this.#out.address(index, device);
    if (this.#outCount === BATCH) this.flush();
  }

  flush(): void {
    let sent = 0;
    while (sent < this.#outCount) {
      const from = this.#out.memory.address + sent * HEADER_BYTES;
      const count = sys.sendmmsg(this.fd, from, this.#outCount - sent, MSG_DONTWAIT);
      if (count > 0) sent += count;
      else if (errno() !== E.INTR) {
        this.sendErrors++;
        sent++;
      }
    }
    for (let index = 0; index < this.#outCount; index++) this.#pool.give(this.#outSlots[index] as number);
    this.#outCount = 0;
  }

  /** Frames that came faster than they were read, and are lost; since the socket was opened. */
  overruns(): number {
    const { address, view } = this.#statistics;
    view.setUint32(8, 8, true);
    // struct tpacket_stats: packets, drops; reading sets both to zero.
    if (calls.getsockopt(this.fd, SOL_PACKET, PACKET_STATISTICS, address, address + 8) === 0) {
      this.#overruns += view.getUint32(4, true);
    }
    return this.#overruns;
  }

  /** Gives every message of the batch a free slot; how many got one. */
  #prepare(): number {
    for (let index = 0; index < BATCH; index++) {
      let slot = this.#inSlots[index] as number;
      if (slot < 0) {
        slot = this.#pool.take();
        if (slot < 0) return index;
        this.#inSlots[index] = slot;
      }
      this.#in.point(index, this.#pool.memory.address + slot * SLOT_BYTES, SLOT_BYTES);
      this.#in.resetControl(index);
    }
    return BATCH;
  }

  #realMicros(): number {
    calls.clockGettime(CLOCK_REALTIME, this.#clock.address);
    return Number(this.#clock.view.getBigInt64(0, true)) * 1e6 + this.#clock.view.getInt32(8, true) / 1000;
  }
}

/** The headers of BATCH messages, laid out once. */
class Batch {
  readonly memory = allocate(BATCH * (HEADER_BYTES + VECTOR_BYTES + ADDRESS_BYTES + CONTROL_BYTES));
  readonly #vectors = BATCH * HEADER_BYTES;
  readonly #addresses = this.#vectors + BATCH * VECTOR_BYTES;
  readonly #controls = this.#addresses + BATCH * ADDRESS_BYTES;

  constructor() {
    const { view, address } = this.memory;
    for (let index = 0; index < BATCH; index++) {
      const header = index * HEADER_BYTES;
      view.setBigUint64(header, BigInt(address + this.#addresses + index * ADDRESS_BYTES), true);
      view.setUint32(header + 8, 20, true); // sizeof(struct sockaddr_ll)
      view.setBigUint64(header + 16, BigInt(address + this.#vectors + index * VECTOR_BYTES), true);
      view.setBigUint64(header + 24, 1n, true);
      view.setUint16(this.#addresses + index * ADDRESS_BYTES, AF_PACKET, true);
    }
  }

  point(index: number, address: number, length: number): void {
    const vector = this.#vectors + index * VECTOR_BYTES;
    const { view } = this.memory;
    view.setUint32(vector, address >>> 0, true);
    view.setUint32(vector + 4, Math.floor(address / 0x1_0000_0000), true);
    view.setUint32(vector + 8, length, true);
  }

  address(index: number, device: number): void {
    this.memory.view.setInt32(this.#addresses + index * ADDRESS_BYTES + 4, device, true);
  }

  resetControl(index: number): void {
    const header = index * HEADER_BYTES;
    const { view, address } = this.memory;
    const control = address + this.#controls + index * CONTROL_BYTES;
    view.setUint32(header + 8, 20, true);
    view.setUint32(header + 32, control >>> 0, true);
    view.setUint32(header + 36, Math.floor(control / 0x1_0000_0000), true);
    view.setUint32(header + 40, CONTROL_BYTES, true);
  }

  length(index: number): number {
    return this.memory.view.getUint32(index * HEADER_BYTES + 56, true);
  }

  device(index: number): number {
    return this.memory.view.getInt32(this.#addresses + index * ADDRESS_BYTES + 4, true);
  }

  /** When the frame arrived, in microseconds of real time: the timespec behind the control message's 16 bytes of header. */
  timestampMicros(index: number): number {
    const control = this.#controls + index * CONTROL_BYTES;
    const { view } = this.memory;
    const seconds = view.getUint32(control + 16, true) + view.getUint32(control + 20, true) * 0x1_0000_0000;
    return seconds * 1e6 + view.getUint32(control + 24, true) / 1000;
  }
}
