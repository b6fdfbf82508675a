/**
 * The provider's router and what is behind it. A packet passes `#forwardOut` or `#fromServer` when it arrives, waits in the schedule, and
 * leaves in `deliverDue`. The order of the questions in `#fateOut` and `#fateIn` is the behaviour.
 */
import type { Answer, Direction } from '../../src/sim/scenario.js';
import { ICMP_ANSWERS, icmpError, reset, synAck, TOO_BIG } from './answers.js';
import { Capture } from './capture.js';
import { decrementTtl } from './checksum.js';
import { FramePool, Schedule, SLOT_BYTES, SLOTS } from './frame-pool.js';
import { answerArp, answerEcho, answerSolicitation, isSolicitation } from './next-hop.js';
import { stripOptions } from './options.js';
import { ARP, addressKey, ETHERNET_BYTES, IPV4, IPV6, macBytes, Packet } from './packet.js';
import { prefixHolds } from './prefix.js';
import type { AddDrop, DropReason, EmulatorCounts, EmulatorSetup, SetLink } from './protocol.js';
import { type Port, type ProviderState, providerState, rejectByKey } from './provider-state.js';
import { LOST } from './shaper.js';

/** How frames leave; the packet socket, or a test's list. */
export interface Sender {
  send(slot: number, device: number): void;
}

/** What becomes of a waiting slot. */
const TO_SERVER = 0;
const TO_GATEWAY = 1;
const TO_REJECTION = 2;

export class Router {
  readonly pool = new FramePool();
  readonly capture: Capture;
  readonly schedule = new Schedule();
  readonly #providers: ProviderState[];
  readonly #serverPorts: Port[];
  // BOUNDED: one entry per provider and per server port.
  readonly #byDevice = new Map<number, ProviderState | Port>();
  // BOUNDED: one entry per server address of the scenario.
  readonly #servers = new Map<string, { index: number; port: number }>();
  readonly #serverNames: string[];
  readonly #sender: Sender;
  readonly #packet = new Packet();
  readonly #reply = new Packet();
  /** Per slot: provider, server or port, and what it waits for. */
  readonly #providerOf = new Uint8Array(SLOTS);
  readonly #targetOf = new Int16Array(SLOTS);
  readonly #purposeOf = new Uint8Array(SLOTS);
  #ignored = 0;

  constructor(setup: EmulatorSetup, deviceIndex: (device: string) => number, sender: Sender) {
    this.#sender = sender;
    this.#serverNames = setup.servers.map(({ name }) => name);
    this.capture = new Capture(setup.providers.map(({ name }) => name));
    this.#providers = setup.providers.map((_, index) => providerState(setup, index, deviceIndex));
    this.#serverPorts = setup.serverPorts.map((port) => ({
      device: deviceIndex(port.device),
      mac: macBytes(port.mac),
      peerMac: macBytes(port.peerMac),
    }));
    for (const port of [...this.#providers, ...this.#serverPorts]) this.#byDevice.set(port.device, port);
    setup.servers.forEach((server, index) => {
      for (const address of server.addresses)
        this.#servers.set(addressKey(address), { index, port: server.port });
    });
  }

  /** Takes over the slot of a frame that arrived on an interface. Times in monotonic microseconds. */
  receive(slot: number, device: number, arrival: number): void {
    const port = this.#byDevice.get(device);
    const start = slot * SLOT_BYTES;
    const length = this.pool.lengths[slot] as number;
    const type = length < 34 || length >= SLOT_BYTES ? 0 : this.pool.bytes.readUInt16BE(start + 12);
    if (port === undefined || type === 0) this.#ignore(slot);
    else if (type === ARP) this.#answer(slot, answerArp(this.pool, slot, port), port);
    else if (type !== IPV4 && type !== IPV6) this.#ignore(slot);
    else if (!this.#packet.read(this.pool.bytes, start + ETHERNET_BYTES, start + length)) this.#ignore(slot);
    else if (isMulticast(this.#packet) && !isSolicitation(this.#packet)) this.pool.give(slot);
    else if ('link' in port) this.#fromGateway(slot, port, arrival);
    else this.#fromServer(slot, arrival);
  }

  /** Sends what is due by now. */
  deliverDue(now: number): void {
    while (this.schedule.nextDue <= now) {
      const due = this.schedule.nextDue;
      const slot = this.schedule.take();
      const provider = this.#providers[this.#providerOf[slot] as number] as ProviderState;
      const purpose = this.#purposeOf[slot];
      if (purpose === TO_REJECTION) this.#rejectNow(slot, provider, due);
      else if (purpose === TO_SERVER)
        this.#deliver(slot, this.#serverPorts[this.#targetOf[slot] as number] as Port);
      else this.#deliverToGateway(slot, provider, due);
    }
  }

  setLink({ provider, link, distanceMs }: SetLink): void {
    const state = this.#named(provider);
    state.link = { ...state.link, ...link };
    state.reject = rejectByKey(state.link);
    for (const [server, distance] of Object.entries(distanceMs ?? {})) {
      const index = this.#serverNames.indexOf(server);
      if (index < 0) throw new Error(`no server is called ${server}`);
      state.distanceMs[index] = distance;
    }
    state.shapers.out.forgetOrder();
    state.shapers.in.forgetOrder();
  }

  addDrop({ provider, drop }: AddDrop): void {
    this.#named(provider).drops.add(drop);
  }

  /** Forgets drops that were not used; gives how many there were. */
  clearDrops(provider: string): number {
    const { drops } = this.#named(provider);
    const left = drops.size;
    drops.clear();
    return left;
  }

  counts(): Pick<EmulatorCounts, 'providers' | 'ignored' | 'held'> {
    return { providers: this.capture.counts(), ignored: this.#ignored, held: this.schedule.size };
  }

  #fromGateway(slot: number, provider: ProviderState, arrival: number): void {
    const packet = this.#packet;
    if (provider.link.silent) this.pool.give(slot);
    else if (isSolicitation(packet))
      this.#answer(slot, answerSolicitation(this.pool, packet, provider), provider);
    else if (provider.nextHops.has(packet.destinationKey)) {
      this.capture.passed(packet, provider.index, 'out', arrival);
      this.#answer(slot, answerEcho(this.pool, packet), provider, arrival);
    } else this.#forwardOut(slot, provider, arrival);
  }

  #forwardOut(slot: number, provider: ProviderState, arrival: number): void {
    const packet = this.#packet;
    const server = this.#servers.get(packet.destinationKey);
    const rejection = this.#rejectionOf(provider, packet);
    let fate = this.#fateOut(provider, packet, arrival);
    if (rejection === 'silent') fate ??= 'rejected';
    if (rejection === undefined && server === undefined) fate ??= 'no-route';
    const due = fate === undefined ? this.#due(provider, 'out', slot, arrival, server?.index ?? -1) : 0;
    if (due < 0) fate = due === LOST ? 'loss' : 'queue';
    if (fate !== undefined) {
      this.#drop(slot, packet, provider, 'out', arrival, fate);
      return;
    }
    if (rejection === undefined) this.capture.passed(packet, provider.index, 'out', arrival);
    else this.capture.dropped(packet, provider.index, 'out', arrival, 'rejected');
    this.#change(packet, provider);
    this.#hold(slot, provider, rejection === undefined ? TO_SERVER : TO_REJECTION, server?.port ?? -1, due);
  }

  #fromServer(slot: number, arrival: number): void {
    const packet = this.#packet;
    const provider = this.#providerFor(packet);
    if (provider === undefined) {
      this.#ignore(slot);
      return;
    }
    const server = this.#servers.get(packet.sourceKey)?.index ?? -1;
    let fate = this.#fateIn(provider, packet, arrival);
    const due = fate === undefined ? this.#due(provider, 'in', slot, arrival, server) : 0;
    if (due < 0) fate = due === LOST ? 'loss' : 'queue';
    if (fate !== undefined) {
      this.#drop(slot, packet, provider, 'in', arrival, fate);
      return;
    }
    this.#change(packet, provider);
    this.#hold(slot, provider, TO_GATEWAY, 0, due);
  }

  /** What a provider's routers do to every packet that passes. */
  #change(packet: Packet, provider: ProviderState): void {
    decrementTtl(packet);
    stripOptions(packet, provider.link.stripOptions);
  }

  /** Why a packet from the gateway goes no further than the next hop; the answers that this brings are sent here. */
  #fateOut(provider: ProviderState, packet: Packet, arrival: number): DropReason | undefined {
    const { link } = provider;
    if (provider.drops.takes(packet, 'out')) return 'fault';
    if (packet.ttl <= 1) {
      this.#icmpToGateway(provider, packet, ICMP_ANSWERS['ttl-exceeded'], 0, arrival);
      return 'ttl';
    }
    if (link.blackhole === true || link.blackhole === 'out') return 'blackhole';
    if (link.answersSyn && packet.isTcp) {
      if (packet.kind === 'syn')
        this.#replyToGateway(provider, arrival, (to) => synAck(packet, this.pool.bytes, to));
      return 'intercepted';
    }
    if (link.pathMtu > 0 && packet.length > link.pathMtu) {
      if (!link.pathMtuSilent) this.#icmpToGateway(provider, packet, TOO_BIG, link.pathMtu, arrival);
      return 'mtu';
    }
    return undefined;
  }

  #fateIn(provider: ProviderState, packet: Packet, arrival: number): DropReason | undefined {
    const { link } = provider;
    if (link.silent || link.blackhole === true || link.blackhole === 'in') return 'blackhole';
    if (provider.drops.takes(packet, 'in')) return 'fault';
    if (packet.ttl <= 1) return 'ttl';
    if (link.pathMtu > 0 && packet.length > link.pathMtu) {
      if (!link.pathMtuSilent) this.#tooBigToServer(provider, packet, arrival);
      return 'mtu';
    }
    return undefined;
  }

  #rejectionOf(provider: ProviderState, packet: Packet): Answer | undefined {
    if (packet.kind !== 'syn' && packet.kind !== 'udp') return undefined;
    if (provider.reject.size === 0) return undefined;
    const answer = provider.reject.get(packet.destinationKey) ?? provider.reject.get('*');
    if (answer === 'normal' || (answer === 'rst' && packet.kind === 'udp')) return undefined;
    return answer;
  }

  /** The packet has come to where it is refused: the refusal goes back the same way. */
  #rejectNow(slot: number, provider: ProviderState, now: number): void {
    const packet = this.#reread(slot);
    const answer = this.#rejectionOf(provider, packet);
    const server = this.#servers.get(packet.destinationKey)?.index ?? -1;
    const source = answer === 'port-unreachable' ? destination(packet) : this.#nextHop(provider, packet);
    const reply = this.pool.take();
    if (reply >= 0 && answer !== undefined && answer !== 'silent' && answer !== 'normal') {
      const to = reply * SLOT_BYTES;
      const { bytes } = this.pool;
      this.pool.lengths[reply] =
        answer === 'rst'
          ? reset(packet, bytes, to)
          : icmpError(packet, source, ICMP_ANSWERS[answer], 0, bytes, to);
      const due = this.#due(provider, 'in', reply, now, server);
      this.#reread(reply);
      if (due < 0 || provider.drops.takes(this.#packet, 'in'))
        this.#drop(reply, this.#packet, provider, 'in', now, 'loss');
      else this.#hold(reply, provider, TO_GATEWAY, 0, due);
    }
    this.pool.give(slot);
  }

  #icmpToGateway(
    provider: ProviderState,
    packet: Packet,
    codes: Parameters<typeof icmpError>[2],
    mtu: number,
    at: number,
  ): void {
    if (packet.kind === 'icmp-error') return;
    const source = this.#nextHop(provider, packet);
    this.#replyToGateway(provider, at, (to) => icmpError(packet, source, codes, mtu, this.pool.bytes, to));
  }

  #tooBigToServer(provider: ProviderState, packet: Packet, at: number): void {
    const target = this.#servers.get(packet.sourceKey);
    const slot = target === undefined ? -1 : this.pool.take();
    if (target === undefined || slot < 0) return;
    const source = this.#nextHop(provider, packet);
    const { bytes } = this.pool;
    this.pool.lengths[slot] = icmpError(
      packet,
      source,
      TOO_BIG,
      provider.link.pathMtu,
      bytes,
      slot * SLOT_BYTES,
    );
    const distance = provider.distanceMs[target.index] ?? 0;
    this.#hold(slot, provider, TO_SERVER, target.port, at + distance * 2000);
  }

  /** Sends at once what `build` writes. */
  #replyToGateway(provider: ProviderState, at: number, build: (to: number) => number): void {
    const slot = this.pool.take();
    if (slot < 0) return;
    this.pool.lengths[slot] = build(slot * SLOT_BYTES);
    this.#reply.read(
      this.pool.bytes,
      slot * SLOT_BYTES + ETHERNET_BYTES,
      slot * SLOT_BYTES + this.pool.lengths[slot],
    );
    if (provider.drops.takes(this.#reply, 'in')) {
      this.#drop(slot, this.#reply, provider, 'in', at, 'fault');
      return;
    }
    this.#hold(slot, provider, TO_GATEWAY, 0, at);
  }

  /** Sends an answer of the next hop itself, where there is one; IP packets with the time at which they leave. */
  #answer(slot: number, reply: number, port: Port | ProviderState, at?: number): void {
    this.pool.give(slot);
    if (reply < 0) return;
    if (at !== undefined && 'link' in port) this.#hold(reply, port, TO_GATEWAY, 0, at);
    else this.#deliver(reply, port);
  }

  #due(provider: ProviderState, direction: Direction, slot: number, at: number, server: number): number {
    const bytes = this.pool.lengths[slot] as number;
    return provider.shapers[direction].due(
      provider.link,
      at,
      bytes,
      server,
      provider.distanceMs[server] ?? 0,
    );
  }

  #hold(slot: number, provider: ProviderState, purpose: number, target: number, due: number): void {
    this.#providerOf[slot] = provider.index;
    this.#purposeOf[slot] = purpose;
    this.#targetOf[slot] = target;
    this.schedule.add(slot, due);
  }

  #deliverToGateway(slot: number, provider: ProviderState, at: number): void {
    this.capture.passed(this.#reread(slot), provider.index, 'in', at);
    this.#deliver(slot, provider);
  }

  #deliver(slot: number, port: Port): void {
    const start = slot * SLOT_BYTES;
    port.peerMac.copy(this.pool.bytes, start);
    port.mac.copy(this.pool.bytes, start + 6);
    this.#sender.send(slot, port.device);
  }

  #drop(
    slot: number,
    packet: Packet,
    provider: ProviderState,
    direction: Direction,
    at: number,
    why: DropReason,
  ): void {
    this.capture.dropped(packet, provider.index, direction, at, why);
    this.pool.give(slot);
  }

  #ignore(slot: number): void {
    this.#ignored++;
    this.pool.give(slot);
  }

  #reread(slot: number): Packet {
    const start = slot * SLOT_BYTES;
    this.#packet.read(this.pool.bytes, start + ETHERNET_BYTES, start + (this.pool.lengths[slot] as number));
    return this.#packet;
  }

  #nextHop(provider: ProviderState, packet: Packet): Buffer {
    return (
      (packet.version === 4 ? provider.nextHop4 : provider.nextHop6) ?? Buffer.alloc(packet.addressBytes)
    );
  }

  #providerFor(packet: Packet): ProviderState | undefined {
    const { bytes, destinationOffset, addressBytes: size } = packet;
    return this.#providers.find(({ prefixes }) =>
      prefixes.some((prefix) => prefixHolds(prefix, bytes, destinationOffset, size)),
    );
  }

  #named(name: string): ProviderState {
    const found = this.#providers.find((provider) => provider.name === name);
    if (found === undefined) throw new Error(`no provider is called ${name}`);
    return found;
  }
}

function isMulticast(packet: Packet): boolean {
  const first = packet.bytes[packet.destinationOffset] as number;
  return packet.version === 4 ? first >= 224 : first === 0xff;
}

function destination(packet: Packet): Buffer {
  return packet.bytes.subarray(packet.destinationOffset, packet.destinationOffset + packet.addressBytes);
}
