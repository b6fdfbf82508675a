/**
 * One provider: what happens to a packet between the gateway and the servers. The order of the questions in `fateOut` and
 * `fateIn` is the behaviour, and is that of the lab's emulator.
 */
import type { Micros } from '../core/engine-types.js';
import { type AddressWords, formatAddress, parseAddress } from '../model/address.js';
import { assert } from '../model/errors.js';
import { FLAG, type Packet, PROTOCOL } from '../wire/packet.js';
import { DropList } from './drops.js';
import {
  dataLength,
  icmpPacket,
  PacketReader,
  readPacket,
  SYN_ACK_OPTIONS,
  tcpPacket,
  withoutOptions,
} from './packets.js';
import { subSeed } from './random.js';
import { type Answer, type Direction, type FullProvider, IDEAL_LINK, type Link } from './scenario.js';
import type { Schedule } from './schedule.js';
import { LOST, Shaper } from './shaper.js';
import type { Fate, WireTrace } from './wire-trace.js';

/** What the provider is connected to; its clock, and who watches its wire. */
export interface ProviderSurroundings {
  readonly schedule: Schedule;
  readonly trace: WireTrace;
  readonly tamper: Tamper | undefined;
  /** Name of the server with an address; null when there is none. */
  serverAt(address: AddressWords): string | null;
  toServer(bytes: Uint8Array, provider: number, server: string): void;
  toGateway(bytes: Uint8Array, provider: number): void;
}

/**
 * A hand on the wire, asked for each packet that the link itself lets pass: the extra delay in microseconds of every copy
 * that goes on. [] loses the packet, [0, 5000] repeats it 5 ms later. Undefined: nothing special.
 */
export type Tamper = (
  packet: Packet,
  provider: number,
  direction: Direction,
) => readonly number[] | undefined;

export const ICMP_ANSWERS: Record<Exclude<Answer, 'rst' | 'silent' | 'normal'>, { 4: Code; 6: Code }> = {
  'host-unreachable': { 4: [3, 1], 6: [1, 3] },
  'port-unreachable': { 4: [3, 3], 6: [1, 4] },
  prohibited: { 4: [3, 13], 6: [1, 1] },
  'ttl-exceeded': { 4: [11, 0], 6: [3, 0] },
};

type Code = readonly [type: number, code: number];

/** As long as a link rejects nobody it has this very value. */
const NOBODY = IDEAL_LINK.reject;

const TOO_BIG: { 4: Code; 6: Code } = { 4: [3, 4], 6: [2, 0] };

/** The proxy that answers for the server has one sequence number per connection, made from the client's. */
const PROXY_ISN = 0x5a5a5a5a;

export class SimProvider {
  link: Link;
  distanceMs: Record<string, number>;
  readonly drops = new DropList();
  private readonly reader = new PacketReader();

  private readonly shapers: { readonly out: Shaper; readonly in: Shaper };
  private readonly nextHop: { readonly 4: AddressWords; readonly 6: AddressWords };

  constructor(
    readonly config: FullProvider,
    distanceMs: Readonly<Record<string, number>>,
    seed: number,
    private readonly around: ProviderSurroundings,
  ) {
    const { number } = config;
    this.link = config.link;
    this.distanceMs = { ...distanceMs };
    this.shapers = {
      out: new Shaper(subSeed(seed, 2 * number)),
      in: new Shaper(subSeed(seed, 2 * number + 1)),
    };
    this.nextHop = { 4: words(`203.0.${number}.1`), 6: words(`fd03:${number.toString(16)}::1`) };
  }

  get number(): number {
    return this.config.number;
  }

  /** Changes the link while the run goes on. */
  set(link: Partial<Link>, distanceMs: Readonly<Record<string, number>> = {}): void {
    this.link = { ...this.link, ...link };
    this.distanceMs = { ...this.distanceMs, ...distanceMs };
    this.shapers.out.forgetOrder();
    this.shapers.in.forgetOrder();
  }

  /** A packet leaves the gateway. */
  fromGateway(bytes: Uint8Array): void {
    const packet = this.reader.read(bytes);
    if (packet === null) return;
    const server = this.around.serverAt(packet.destination);
    const answer = this.answerTo(packet);
    let fate = this.fateOut(packet);
    if (fate === undefined && answer === 'silent') fate = 'rejected';
    if (fate === undefined && answer === undefined && server === null) fate = 'no-route';
    const due = fate === undefined ? this.due('out', packet, server) : 0;
    if (due === LOST) fate = 'loss';
    const copies = fate === undefined ? (this.around.tamper?.(packet, this.number, 'out') ?? [0]) : [];
    if (fate === undefined && copies.length === 0) fate = 'fault';
    this.around.trace.note(this.around.schedule.now, this.number, 'out', fate ?? 'passed', packet);
    const changed = withoutOptions(bytes, this.link.stripOptions);
    for (const extra of copies) {
      this.around.schedule.at(due + extra, () => {
        if (answer !== undefined) this.reject(changed, answer, server);
        else if (server !== null) this.around.toServer(changed, this.number, server);
      });
    }
  }

  /** A server's packet comes to the provider. */
  fromServer(bytes: Uint8Array): void {
    const packet = this.reader.read(bytes);
    if (packet === null) return;
    const fate = this.fateIn(packet);
    if (fate !== undefined) {
      this.around.trace.note(this.around.schedule.now, this.number, 'in', fate, packet);
      return;
    }
    this.deliver(bytes, packet, this.around.serverAt(packet.source));
  }

  /** A packet that somebody sends to the gateway by this provider, whatever the link is like: garbage, a forgery. */
  inject(bytes: Uint8Array): void {
    const packet = this.around.trace.isKept ? readPacket(bytes) : null;
    if (packet !== null)
      this.around.trace.note(this.around.schedule.now, this.number, 'in', 'passed', packet);
    this.around.toGateway(bytes, this.number);
  }

  private fateOut(packet: Packet): Fate | undefined {
    const { link } = this;
    if (link.silent || link.blackhole === true || link.blackhole === 'out') return 'blackhole';
    if (this.drops.takes(packet, 'out')) return 'fault';
    if (packet.ttl <= 1) return 'ttl';
    if (link.answersSyn && packet.protocol === PROTOCOL.TCP) {
      if ((packet.flags & (FLAG.SYN | FLAG.ACK)) === FLAG.SYN) this.intercept(packet);
      return 'intercepted';
    }
    const length = packet.end - packet.start;
    if (link.pathMtu > 0 && length > link.pathMtu) {
      if (!link.pathMtuSilent)
        this.icmp(packet.bytes, packet, TOO_BIG, link.pathMtu, this.nextHop[packet.family]);
      return 'mtu';
    }
    return undefined;
  }

  private fateIn(packet: Packet): Fate | undefined {
    const { link } = this;
    if (link.silent || link.blackhole === true || link.blackhole === 'in') return 'blackhole';
    if (this.drops.takes(packet, 'in')) return 'fault';
    if (link.pathMtu > 0 && packet.end - packet.start > link.pathMtu) return 'mtu';
    return undefined;
  }

  private answerTo(packet: Packet): Answer | undefined {
    const isDatagram = packet.protocol === PROTOCOL.UDP;
    const isSyn = packet.protocol === PROTOCOL.TCP && (packet.flags & (FLAG.SYN | FLAG.ACK)) === FLAG.SYN;
    if (!isDatagram && !isSyn) return undefined;
    const { reject } = this.link;
    if (reject === NOBODY) return undefined;
    const answer = reject[formatAddress(packet.destination)] ?? reject['*'];
    return answer === 'normal' || (isDatagram && answer === 'rst') ? undefined : answer;
  }

  /** The packet has come to where it is refused: the refusal goes back the same way. */
  private reject(bytes: Uint8Array, answer: Answer, server: string | null): void {
    const packet = readPacket(bytes);
    if (packet === null || answer === 'silent' || answer === 'normal') return;
    const reply = answer === 'rst' ? resetFor(packet) : this.errorFor(bytes, packet, answer);
    const decoded = readPacket(reply);
    if (decoded === null) return;
    if (this.drops.takes(decoded, 'in')) {
      this.around.trace.note(this.around.schedule.now, this.number, 'in', 'fault', decoded);
      return;
    }
    this.deliver(reply, decoded, server);
  }

  private errorFor(bytes: Uint8Array, packet: Packet, answer: keyof typeof ICMP_ANSWERS): Uint8Array {
    const [type, code] = ICMP_ANSWERS[answer][packet.family];
    const from = answer === 'port-unreachable' ? packet.destination : this.nextHop[packet.family];
    return icmpPacket({ from, to: packet.source, type, code, quote: bytes });
  }

  private intercept(packet: Packet): void {
    const reply = tcpPacket({
      from: { address: packet.destination, port: packet.destinationPort },
      to: { address: packet.source, port: packet.sourcePort },
      sequence: packet.sequence ^ PROXY_ISN,
      acknowledgement: (packet.sequence + 1 + dataLength(packet)) | 0,
      flags: FLAG.SYN | FLAG.ACK,
      options: SYN_ACK_OPTIONS,
    });
    this.around.schedule.after(0, () => this.inject(reply));
  }

  private icmp(
    bytes: Uint8Array,
    packet: Packet,
    codes: { 4: Code; 6: Code },
    mtu: number,
    from: AddressWords,
  ): void {
    const [type, code] = codes[packet.family];
    const reply = icmpPacket({ from, to: packet.source, type, code, mtu, quote: bytes });
    this.around.schedule.after(0, () => this.inject(reply));
  }

  /** Brings a packet to the gateway after the link's delay. */
  private deliver(bytes: Uint8Array, packet: Packet, server: string | null): void {
    const due = this.due('in', packet, server);
    const copies = due === LOST ? [] : (this.around.tamper?.(packet, this.number, 'in') ?? [0]);
    if (copies.length === 0) {
      this.around.trace.note(
        this.around.schedule.now,
        this.number,
        'in',
        due === LOST ? 'loss' : 'fault',
        packet,
      );
      return;
    }
    const changed = withoutOptions(bytes, this.link.stripOptions);
    for (const extra of copies) this.around.schedule.at(due + extra, () => this.inject(changed));
  }

  private due(direction: Direction, packet: Packet, server: string | null): Micros {
    const distance = server === null ? 0 : (this.distanceMs[server] ?? 0);
    const length = packet.end - packet.start;
    return this.shapers[direction].due(this.link, this.around.schedule.now, length, server ?? '', distance);
  }
}

function resetFor(packet: Packet): Uint8Array {
  return tcpPacket({
    from: { address: packet.destination, port: packet.destinationPort },
    to: { address: packet.source, port: packet.sourcePort },
    sequence: 0,
    acknowledgement: (packet.sequence + 1 + dataLength(packet)) | 0,
    flags: FLAG.RST | FLAG.ACK,
  });
}

function words(text: string): AddressWords {
  const parsed = parseAddress(text);
  assert(parsed !== null, `"${text}" is not an address`);
  return parsed;
}
