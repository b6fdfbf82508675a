/** Hostile packets on both sides of a gateway: SYNs from its clients, and answers to the copies that it really sent. */
import { FramePool, SLOT_BYTES } from '../lab/emulator/frame-pool.js';
import { PacketSocket } from '../lab/emulator/packet-socket.js';
import { sys } from '../src/kernel/ffi.js';
import type { Random } from '../src/sim/random.js';
import { corpus, mutate } from './fuzz-mutate.js';
import { type Bytes, get16, get32, icmpPacket, type TcpFields, tcpPacket } from './fuzz-packets.js';
import {
  CLIENTS,
  client4,
  client6,
  hardwareAddresses,
  inside,
  PROVIDERS,
  type Topology,
} from './fuzz-topology.js';

const ETHERNET = 14;
/** Copies remembered, so that answers are about races that still run. */
const REMEMBERED = 256;
/** Chance that a packet is damaged on top of what it says. */
const DAMAGE = 0.3;

/** A copy that a provider has seen. */
interface Copy {
  readonly device: number;
  readonly packet: Bytes;
}

/** What was injected, by kind. */
export type Kind =
  | 'syn'
  | 'syn-repeat'
  | 'garbage'
  | 'syn-ack'
  | 'wrong-syn-ack'
  | 'reset'
  | 'icmp'
  | 'ack'
  | 'open';

/** Shares of the kinds. The gateway's ruleset lets few errors, ACKs and SYNs of providers pass in a second: so are these. */
const MIX: readonly (readonly [Kind, number])[] = [
  ['syn', 0.46],
  ['syn-repeat', 0.05],
  ['garbage', 0.06],
  ['syn-ack', 0.18],
  ['wrong-syn-ack', 0.1],
  ['reset', 0.08],
  ['icmp', 0.05],
  ['ack', 0.015],
  ['open', 0.005],
];

export class Injector {
  readonly sent: Record<Kind, number> = {
    syn: 0,
    'syn-repeat': 0,
    garbage: 0,
    'syn-ack': 0,
    'wrong-syn-ack': 0,
    reset: 0,
    icmp: 0,
    ack: 0,
    open: 0,
  };
  /** Copies seen beyond the gateway. */
  copies = 0;

  private readonly pool = new FramePool();
  private readonly lan: PacketSocket;
  private readonly wan: PacketSocket;
  private readonly lanDevice: number;
  private readonly devices: readonly number[];
  private readonly seeds = corpus();
  // BOUNDED: REMEMBERED each, the oldest is overwritten.
  private readonly seen: Copy[] = [];
  private readonly opened: Bytes[] = [];
  private nextSeen = 0;
  private nextOpened = 0;

  private constructor(
    topology: Topology,
    private readonly luck: Random,
    private readonly hardware: ReadonlyMap<number, readonly number[]>,
    devices: { lan: number; wan: readonly number[] },
  ) {
    this.lanDevice = devices.lan;
    this.devices = devices.wan;
    this.lan = inside(topology.clients, () => new PacketSocket(this.pool));
    this.wan = inside(topology.beyond, () => new PacketSocket(this.pool));
  }

  static async create(topology: Topology, luck: Random): Promise<Injector> {
    const addresses = await hardwareAddresses(topology.gateway);
    const lan = inside(topology.clients, () => sys.ifIndex('eth0'));
    const wan = inside(topology.beyond, () => PROVIDERS.map((n) => sys.ifIndex(`isp${n}`)));
    const hardware = new Map<number, readonly number[]>([[-lan, addresses.get('lan0') ?? []]]);
    for (const [i, device] of wan.entries()) hardware.set(device, addresses.get(`wan${PROVIDERS[i]}`) ?? []);
    return new Injector(topology, luck, hardware, { lan, wan });
  }

  /** Sends about `count` packets; gives how many. */
  burst(count: number): number {
    this.sniff();
    let done = 0;
    for (; done < count; done++) {
      if (!this.inject(this.pick())) break;
    }
    this.lan.flush();
    this.wan.flush();
    return done;
  }

  /** Takes in what has come out of the gateway since. */
  sniff(): void {
    const forget = (slot: number): void => this.pool.give(slot);
    for (let i = 0; i < 64 && this.lan.receive(forget); i++);
    for (let i = 0; i < 64 && this.wan.receive((slot, device) => this.remember(slot, device)); i++);
  }

  private remember(slot: number, device: number): void {
    const from = slot * SLOT_BYTES + ETHERNET;
    const length = this.pool.lengths[slot] - ETHERNET;
    const { bytes } = this.pool;
    const transport = bytes[from] >> 4 === 4 ? 20 : 40;
    const isTcp = bytes[from + (transport === 20 ? 9 : 6)] === 6;
    if (isTcp && length >= transport + 20 && (bytes[from + transport + 13] & 0x17) === 2) {
      this.copies++;
      this.seen[this.nextSeen] = { device, packet: Uint8Array.from(bytes.subarray(from, from + length)) };
      this.nextSeen = (this.nextSeen + 1) % REMEMBERED;
    }
    this.pool.give(slot);
  }

  private pick(): Kind {
    let luck = this.luck();
    for (const [kind, share] of MIX) {
      if (luck < share) return kind;
      luck -= share;
    }
    return 'syn';
  }

  /** False when no memory is left for it. */
  private inject(kind: Kind): boolean {
    this.sent[kind]++;
    if (kind === 'syn') return this.fromClient(this.newSyn());
    if (kind === 'syn-repeat')
      return this.fromClient(this.opened[this.below(this.opened.length)] ?? this.newSyn());
    if (kind === 'garbage') {
      const packet = this.seeds[this.below(this.seeds.length)];
      return this.luck() < 0.5 ? this.fromClient(packet, 1) : this.fromProvider(this.anyDevice(), packet, 1);
    }
    const copy = this.seen[this.below(this.seen.length)];
    if (copy === undefined) return this.fromClient(this.newSyn());
    const device = this.luck() < 0.9 ? copy.device : this.anyDevice();
    return this.fromProvider(device, this.answer(kind, copy.packet));
  }

  /** A SYN of a client to a server that is silent. */
  private newSyn(): Bytes {
    const six = this.luck() < 0.35;
    const n = this.below(CLIENTS);
    const last = 64 + this.below(128);
    const options = SYN_OPTIONS[this.below(SYN_OPTIONS.length)];
    const packet = tcpPacket({
      source: six ? client6(n) : client4(n),
      destination: six
        ? [0x20, 1, 0xd, 0xb8, 1, 0, ...new Array<number>(9).fill(0), last]
        : [198, 51, 100, last],
      sourcePort: 1024 + this.below(64000),
      destinationPort: 1 + this.below(2000),
      sequence: this.word(),
      flags: this.luck() < 0.95 ? 2 : 2 | this.below(256),
      ttl: this.luck() < 0.97 ? 64 : this.below(3),
      tcpOptions: options,
      payload: this.luck() < 0.1 ? new Array<number>(this.below(60)).fill(7) : [],
      ...(six && this.luck() < 0.1 ? { extensions: [{ type: 60, body: [1, 4, 0, 0, 0, 0] }] } : {}),
    });
    this.opened[this.nextOpened] = packet;
    this.nextOpened = (this.nextOpened + 1) % REMEMBERED;
    return packet;
  }

  /** What a provider may say about a copy. */
  private answer(kind: Kind, copy: Bytes): Bytes {
    const six = copy[0] >> 4 === 6;
    const transport = six ? 40 : 20;
    const isn = get32(copy, transport + 4);
    const back: TcpFields = {
      source: [...(six ? copy.subarray(24, 40) : copy.subarray(16, 20))],
      destination: [...(six ? copy.subarray(8, 24) : copy.subarray(12, 16))],
      sourcePort: get16(copy, transport + 2),
      destinationPort: get16(copy, transport),
      sequence: this.word(),
      acknowledgement: (isn + 1) >>> 0,
      flags: 0x12,
      tcpOptions: SYN_OPTIONS[this.below(2)],
    };
    switch (kind) {
      case 'wrong-syn-ack':
        return tcpPacket({ ...back, acknowledgement: this.word() });
      case 'reset':
        return tcpPacket({ ...back, flags: this.luck() < 0.7 ? 0x14 : 0x04, tcpOptions: [] });
      case 'ack':
        return tcpPacket({ ...back, flags: 0x10, acknowledgement: this.word() });
      case 'open':
        return tcpPacket({ ...back, flags: 0x02, acknowledgement: 0 });
      case 'icmp':
        return this.error(back, copy, six);
      default:
        return tcpPacket({ ...back, payload: this.luck() < 0.1 ? [1, 2, 3] : [] });
    }
  }

  private error(back: TcpFields, copy: Bytes, six: boolean): Bytes {
    const types = six ? [1, 1, 2, 3, 4] : [3, 3, 3, 11, 12];
    const router = six ? [0x20, 1, 0xd, 0xb8, 9, ...new Array<number>(10).fill(0), 1] : [203, 0, 113, 1];
    const quote = [...copy.subarray(0, this.luck() < 0.8 ? copy.length : this.below(copy.length))];
    if (this.luck() < 0.2) quote[this.below(quote.length)] = this.below(256);
    return icmpPacket({
      source: this.luck() < 0.5 ? router : back.source,
      destination: back.destination,
      type: types[this.below(types.length)],
      code: this.below(16),
      word: this.luck() < 0.7 ? this.below(1600) : this.word(),
      quote: quote.length > 0 ? quote : [0],
    });
  }

  private fromClient(packet: Bytes, damage = DAMAGE): boolean {
    return this.put(this.lan, this.lanDevice, this.hardware.get(-this.lanDevice) ?? [], packet, damage);
  }

  private fromProvider(device: number, packet: Bytes, damage = DAMAGE): boolean {
    return this.put(this.wan, device, this.hardware.get(device) ?? [], packet, damage);
  }

  private put(
    socket: PacketSocket,
    device: number,
    to: readonly number[],
    packet: Bytes,
    damage: number,
  ): boolean {
    const slot = this.pool.take();
    if (slot < 0) return false;
    const { bytes, lengths } = this.pool;
    const at = slot * SLOT_BYTES;
    for (let i = 0; i < 6; i++) bytes[at + i] = to[i];
    for (let i = 6; i < 12; i++) bytes[at + i] = i === 6 ? 2 : i;
    const six = packet[0] >> 4 === 6;
    bytes[at + 12] = six ? 0x86 : 0x08;
    bytes[at + 13] = six ? 0xdd : 0x00;
    let { length } = packet;
    if (this.luck() < damage) length = mutate(packet, bytes, at + ETHERNET, this.luck);
    else bytes.set(packet, at + ETHERNET);
    lengths[slot] = ETHERNET + length;
    socket.send(slot, device);
    return true;
  }

  private anyDevice(): number {
    return this.devices[this.below(this.devices.length)];
  }

  private below(limit: number): number {
    return Math.floor(this.luck() * limit);
  }

  private word(): number {
    return Math.floor(this.luck() * 0x1_0000_0000);
  }
}

/** Options of SYNs that get as far as a race: as Linux and Windows send them, Fast Open, MPTCP, none, an odd one. */
const SYN_OPTIONS: readonly (readonly number[])[] = [
  [2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0x3b, 0x9a, 0xca, 0, 0, 0, 0, 0, 1, 3, 3, 7],
  [2, 4, 0x05, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2],
  [2, 4, 0x05, 0xb4, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1],
  [30, 12, 0x01, 0x81, 1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 5, 0xb4],
  [],
  [2, 4, 0, 1, 253, 6, 1, 2, 3, 4, 1, 1],
];
