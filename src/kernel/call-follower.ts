/**
 * Signalling of calls and streams as it passes: it is read, and goes on. What belongs to a call goes by its route, also what the server sends
 * first: its flows are in the connection table before who is told of them hears of it (docs/decisions/0038).
 */
import type { CarriedFlow, Expected, SignalFlow, SignalKind, SignalSink } from '../core/calls/reader.js';
import { Signals } from '../core/calls/signals.js';
import { CallTable } from '../core/calls/table.js';
import type { Engine } from '../core/engine.js';
import { type AddressWords, type Family, formatEndpoint, sameAddress } from '../model/address.js';
import { CALL_KINDS, type CallKind, type Followed, type ReadPort } from '../model/calls.js';
import type { NamedEnd } from '../wire/named-end.js';
import type { FlowEntry } from '../wire/netlink/ctnetlink.js';
import { HOOK, type QueuedPacket } from '../wire/netlink/nfqueue.js';
import { createPacket, DECODE, decode, PROTOCOL } from '../wire/packet.js';
import { AwaitedCallers } from './awaited-callers.js';
import type { Boundary } from './boundary.js';
import { ConntrackTable } from './conntrack-table.js';
import { ConntrackWriter } from './conntrack-writer.js';
import { type Memory, type Watch, watchReadable } from './ffi.js';
import { createFlowEntry } from './flow-entry.js';
import { HeldPackets } from './held-packets.js';
import type { KernelMemory } from './kernel-memory.js';
import { type Marks, routeOfMark } from './marks.js';
import { BATCH, Queue } from './queue.js';
import type { CallSnapshot } from './race-messages.js';

const QUEUE_LENGTH = 1024;
/** Longest packet that is read to its end: an INVITE with several offers has come in fragments. */
const RANGE = 8192;
/** Entries of one message that are written at once. */
const MOST_NOTED = 64;
/** How long an expected flow may take to begin, and a connection to where the other side waits. */
const EXPECTED_SECONDS = 180;
const FOLLOWED_MS = 180_000;
const FIRST_FREE_PORT = 1024;
/** After this a flow that was left alone is looked at again: its ends may be another's by then. */
const QUIET_MS = 3_600_000;
const TELL_AGAIN_MICROS = 10e6;
const SWEEP_MICROS = 10e6;
/** Ends of control connections, and how long a call may have one. */
const MOST_CONTROLS = 4096;
const CONTROL_MS = 6 * 3600_000;

/** What it works with. */
export interface FollowerContext {
  readonly marks: Marks;
  readonly boundary: Boundary;
  /** Monotonic microseconds. */
  readonly clock: () => number;
}

type Carried = CarriedFlow & { readonly mark: number };

export class CallFollower implements SignalSink {
  private readonly counters = { received: 0, entered: 0, refused: 0 };
  private readonly marks: Marks;
  private readonly boundary: Boundary;
  private readonly clock: () => number;

  private readonly engine: Engine;
  private readonly kernel: KernelMemory;
  private readonly calls: CallTable;
  private readonly signals: Signals;
  private readonly held: HeldPackets;
  private readonly callers = new AwaitedCallers();
  private readonly packet = createPacket();
  private readonly flow = createFlowEntry();
  /** What is spoken at ports. */
  private readonly kinds = new Map<number, CallKind>();
  // BOUNDED: MOST_CONTROLS, the oldest gives way.
  private readonly controls = new Set<string>();
  private queue: Queue | null = null;
  private watch: Watch | null = null;
  private table: ConntrackTable | null = null;
  private writer: ConntrackWriter | null = null;
  private noted = 0;
  private sweptAt = 0;
  /** The packet in hand: what the table says of its flow (undefined: not asked yet), and whether the kernel hears of something. */
  private entry: Carried | null | undefined = undefined;
  private tells = false;
  /** Until when, microseconds, registrars reach their clients by these flows. */
  private readonly kept = new WeakMap<SignalFlow, number>();
  /** When the kernel was told to leave a flow alone. */
  private readonly left = new WeakMap<SignalFlow, number>();

  constructor(
    private readonly number: number,
    { engine, kernel }: { readonly engine: Engine; readonly kernel: KernelMemory },
    { marks, boundary, clock }: FollowerContext,
  ) {
    this.marks = marks;
    this.boundary = boundary;
    this.clock = clock;
    this.engine = engine;
    this.kernel = kernel;
    this.held = new HeldPackets(kernel, boundary, 'signalling');
    this.calls = new CallTable((kind, route, change) => engine.countCall(kind, route, change));
    this.signals = new Signals(this.calls, this);
  }

  /** Begins or ends to read. */
  follow(followed: readonly Followed[], ports: readonly ReadPort[]): void {
    this.kinds.clear();
    for (const { kind, transport, port } of ports) this.kinds.set(keyOf(transport, port), kind);
    const isWanted = CALL_KINDS.some((one) => followed.includes(one));
    if (isWanted === (this.queue !== null)) return;
    if (!isWanted) return this.close();
    const queue = new Queue(this.number, QUEUE_LENGTH, RANGE);
    this.queue = queue;
    this.table = new ConntrackTable(this.marks);
    this.writer = new ConntrackWriter(this.table, EXPECTED_SECONDS);
    const read = this.boundary.around('signalling', () => {
      while (queue.receive(this.onPacket) === BATCH && this.queue === queue) queue.flush();
      if (this.queue === queue) queue.flush();
    });
    this.watch = watchReadable(queue.fd, read);
  }

  snapshot(): CallSnapshot {
    return { ...this.counters, counts: this.calls.counts() };
  }

  close(): void {
    this.watch?.close();
    this.queue?.close();
    this.writer?.close();
    this.table?.close();
    this.watch = this.queue = this.writer = this.table = null;
  }

  // ---- packets ----

  private readonly onPacket = (queued: QueuedPacket, memory: Memory): void => {
    const queue = this.queue!;
    const { id } = queued;
    this.counters.received++;
    if (this.tryToRead(queued, memory)) this.held.hold(queue, id);
    else queue.accept(id);
  };

  /** Signalling that we cannot read is none of its sender's business: it goes on. */
  private tryToRead(queued: QueuedPacket, memory: Memory): boolean {
    this.entry = undefined;
    this.tells = false;
    try {
      this.read(queued, memory);
      this.enter();
    } catch (error) {
      this.boundary.caught('signalling', error);
    }
    return this.tells;
  }

  private read(queued: QueuedPacket, memory: Memory): void {
    const { packet } = this;
    const { payload, payloadLength, wireLength } = queued;
    if (decode(packet, memory, payload, payload + payloadLength, wireLength) !== DECODE.OK) return;
    const now = this.clock();
    if (queued.hook === HOOK.PRE_ROUTING) return this.admit(now);
    if (now - this.sweptAt > SWEEP_MICROS) {
      this.sweptAt = now;
      this.calls.sweep(now);
    }
    const isFromClient = !this.isFromServer(queued);
    const port = isFromClient ? packet.destinationPort : packet.sourcePort;
    const kind = this.kindOf(packet.protocol, port) ?? this.controlOf(isFromClient);
    if (kind === null) return;
    const wanted = this.signals.see(packet, kind, isFromClient, now);
    const { flow } = this.signals;
    if (flow === null) return;
    if (wanted === 'done') this.leaveAlone(flow, now);
    this.extend(flow, now);
  }

  /** The kernel may have no room for it: it is told now and then. */
  private leaveAlone(flow: SignalFlow, now: number): void {
    if (now - (this.left.get(flow) ?? Number.NEGATIVE_INFINITY) < TELL_AGAIN_MICROS) return;
    this.left.set(flow, now);
    this.kernel.leaveAlone(flow, QUIET_MS);
    this.tells = true;
  }

  /** Rules show what clients of the LAN have opened; both ends may have a usual port. */
  private isFromServer({ inInterface, mark }: QueuedPacket): boolean {
    const { protocol, sourcePort, destinationPort } = this.packet;
    const isToServer = this.kindOf(protocol, destinationPort) !== null;
    const isOfServer = this.kindOf(protocol, sourcePort) !== null;
    // Of others, the rules know by what was named.
    if (isToServer !== isOfServer) return isOfServer;
    // On an interface that is LAN and provider what goes out has the mark of its route.
    const isByProvider = this.engine.routes.some((route) => route.interfaceIndex === inInterface);
    return isByProvider && routeOfMark(this.marks, mark) === 0;
  }

  private kindOf(protocol: number, port: number): CallKind | null {
    return this.kinds.get(keyOf(protocol === PROTOCOL.TCP ? 'tcp' : 'udp', port)) ?? null;
  }

  /** The end of a server that a call has named. */
  private controlOf(isFromClient: boolean): SignalKind | null {
    const { source, sourcePort, destination, destinationPort } = this.packet;
    const [words, port] = isFromClient ? [destination, destinationPort] : [source, sourcePort];
    return this.controls.has(formatEndpoint(words, 0, port)) ? 'h245' : null;
  }

  // ---- what signalling says ----

  carried(): Carried | null {
    if (this.entry !== undefined) return this.entry;
    this.entry = null;
    const { flow } = this.signals;
    const found = flow === null ? null : this.table!.find(this.named(flow));
    const route = found === null ? 0 : routeOfMark(this.marks, found.mark);
    if (found !== null && route !== 0) this.entry = { route, source: found.source.slice(), mark: found.mark };
    return this.entry;
  }

  expect(expected: Expected): void {
    const { protocol, client, server, reads } = expected;
    const carried = this.carried();
    const { flow } = this.signals;
    if (carried === null || flow === null) return;
    if (server.port === 0) return this.awaitCaller(flow, expected, carried);
    const { family } = flow;
    // Also what the client sends by another port than it has said.
    const end = { family, protocol, client: client.address, server: server.address, port: server.port };
    this.kernel.follow(end, carried.route, FOLLOWED_MS);
    this.tells = true;
    if (reads !== undefined) this.noteControl(family, server);
    if (client.port === 0) return;
    const own = { address: flow.client.address, port: client.port };
    this.noteEntry({ protocol, family, client: own, server }, carried.source, this.markOf(carried.mark));
  }

  /** Ports below are the gateway's own, or nobody's. */
  private awaitCaller({ family }: SignalFlow, { client, server, reads }: Expected, carried: Carried): void {
    if (client.port < FIRST_FREE_PORT) return;
    const outside = { address: carried.source, port: client.port };
    this.callers.add(server.address, {
      client: client.address,
      outside: carried.source,
      port: client.port,
      mark: this.markOf(carried.mark),
      isControl: reads !== undefined,
      until: this.clock() + EXPECTED_SECONDS * 1e6,
    });
    this.kernel.awaitCaller(family, server.address, outside, EXPECTED_SECONDS * 1000);
    this.tells = true;
  }

  /** The packet in hand, which conntrack has not seen, begins a connection of a server: it is entered as if its client had opened it. */
  private admit(now: number): void {
    const { family, protocol, source, sourcePort } = this.packet;
    const awaited = this.callers.find(this.packet, now);
    if (awaited === null) return;
    const server = { address: source.slice(), port: sourcePort };
    const client = { address: awaited.client, port: awaited.port };
    if (awaited.isControl) this.noteControl(family, server);
    this.noteEntry({ protocol, family, client, server }, awaited.outside, awaited.mark);
    this.tells = true;
  }

  private noteEntry(flow: SignalFlow, source: AddressWords, mark: number): void {
    const entry = this.named(flow);
    entry.translated = !sameAddress(source, 0, flow.client.address, 0);
    entry.source = source;
    entry.sourcePort = flow.client.port;
    entry.mark = mark;
    this.writer!.add(entry, true);
    this.counters.entered++;
    if (++this.noted >= MOST_NOTED) this.enter();
  }

  /** Nobody counts it before it is there, and no other route can carry it. */
  private markOf(mark: number): number {
    const { flowMask, counted, rescuable, held } = this.marks;
    return (mark & flowMask & ~(counted | rescuable | held)) >>> 0;
  }

  keep(seconds: number): void {
    const carried = this.carried();
    const { flow } = this.signals;
    if (carried === null || flow === null) return;
    this.kept.set(flow, this.clock() + seconds * 1e6);
    const { family, client, server } = flow;
    for (const protocol of [PROTOCOL.UDP, PROTOCOL.TCP])
      this.kernel.follow(
        { family, protocol, client: client.address, server: server.address, port: server.port },
        seconds === 0 ? null : carried.route,
        seconds * 1000,
      );
    this.tells = true;
  }

  private noteControl(family: Family, server: NamedEnd): void {
    const name = formatEndpoint(server.address, 0, server.port);
    this.controls.delete(name);
    this.controls.add(name);
    if (this.controls.size > MOST_CONTROLS) {
      for (const oldest of this.controls) {
        this.controls.delete(oldest);
        break;
      }
    }
    this.kernel.control(family, server, CONTROL_MS);
  }

  private enter(): void {
    this.noted = 0;
    const refused = this.writer!.flush().length;
    this.counters.entered -= refused;
    this.counters.refused += refused;
  }

  /** Each packet gives an entry the kernel's own time, which is shorter than a registration lasts. */
  private extend(flow: SignalFlow, now: number): void {
    const seconds = Math.ceil(((this.kept.get(flow) ?? 0) - now) / 1e6);
    if (flow.protocol !== PROTOCOL.UDP || seconds <= 0) return;
    this.table!.keep(this.named(flow), Math.max(seconds, EXPECTED_SECONDS));
  }

  /** The reused entry, by the ends that its client knows. */
  private named({ protocol, family, client, server }: SignalFlow): FlowEntry {
    const { flow } = this;
    flow.protocol = protocol;
    flow.family = family;
    flow.client = client.address;
    flow.clientPort = client.port;
    flow.destination = server.address;
    flow.destinationPort = server.port;
    return flow;
  }
}

function keyOf(transport: ReadPort['transport'], port: number): number {
  return (transport === 'tcp' ? 1 : 0) * 65_536 + port;
}
