/**
 * Races before the first connection does: a front end of its own goes through what connections begin with, so that the code of the real one
 * has been compiled when it is needed. A connection after a start would wait for that, and the first thousands of a host that floods
 * would keep all others waiting. The real front end's code, system calls and all; only the kernel is not there (stand-in.ts).
 */
import { type EngineRoute, type EngineSettings, NO_RULES } from '../../core/engine-types.js';
import { EVERYTHING } from '../../core/site.js';
import type { Family } from '../../model/address.js';
import { DEFAULT_MARK_MASK } from '../../model/mark-mask.js';
import { createWriter } from '../../wire/netlink/message.js';
import { createQueuedPacket, encodeQueued, HOOK } from '../../wire/netlink/nfqueue.js';
import { createPacket, DECODE, decode, FLAG } from '../../wire/packet.js';
import { Boundary } from '../boundary.js';
import { allocate, type Memory, recycle } from '../ffi.js';
import { FrontEnd } from '../front-end.js';
import { mapsOfRaces } from '../kernel-memory.js';
import { type Marks, marksOf, routeMark, serviceMark } from '../marks.js';
import type { Rehearsed, ServicesMessage } from '../race-messages.js';
import { outsideOf, plainEntry, routeOfCopy, writeAnswer, writeSyn } from './script.js';
import { StandIn } from './stand-in.js';

export interface RehearsalLimits {
  /** Rounds of a few connections each, and the time after which no further one begins. */
  readonly rounds: number;
  readonly micros: number;
}

export const USUAL: RehearsalLimits = { rounds: 60, micros: 300_000 };

/** `clock`: monotonic microseconds, for the limit. Packets have a time of their own. */
export async function rehearse(clock: () => number, limits: RehearsalLimits = USUAL): Promise<Rehearsed> {
  const startedAt = clock();
  let races = 0;
  let error: string | null = null;
  try {
    const rehearsal = new Rehearsal();
    try {
      for (let round = 0; round < limits.rounds && clock() - startedAt < limits.micros; round++) {
        rehearsal.round(round);
        // What is told the kernel goes by the event loop.
        if (round % TURNS === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      races = rehearsal.races;
      error = rehearsal.error;
    } finally {
      await rehearsal.close();
    }
  } catch (thrown) {
    error = String(thrown);
  }
  return { races, micros: clock() - startedAt, error };
}

const TURNS = 10;
const ROUTES = [1, 2, 3] as const;
const MASK = 0b1110;
const SERVERS = 200;
/** Of the host that floods, and of all others. */
const FLOOD = 1;
const CLIENTS = 20;
const ROUND_MICROS = 20_000;
const NEAR_MICROS = 5000;

class Rehearsal {
  error: string | null = null;
  private readonly standIn = new StandIn();
  private readonly frontEnd: FrontEnd;
  private readonly marks: Marks = marksOf(DEFAULT_MARK_MASK);
  private readonly message: Memory = allocate(4096);
  private readonly space: Memory & { at: number };
  private readonly packet = createPacket();
  private readonly entry = plainEntry();
  private readonly copies: Uint8Array[] = [];
  private readonly queued = createQueuedPacket();
  private now = 1_000_000;
  private port = 20_000;

  constructor() {
    this.space = Object.assign(allocate(256), { at: 0 });
    this.frontEnd = this.standIn.around(() => this.open());
    this.frontEnd.setServices(servicesMessage());
    this.frontEnd.setRoutes(ROUTES.map(routeOf));
    this.standIn.drain();
  }

  get races(): number {
    return this.frontEnd.engine.counters.decided;
  }

  /** New servers and known ones, a SYN that is repeated, a host that floods; the nearest server answers first, or all say no. */
  round(round: number): void {
    const firstPort = this.port;
    for (const family of FAMILIES) {
      for (let n = 0; n < 3; n++)
        this.setup(family, 2 + (round % CLIENTS), (round * 3 + n) % SERVERS, this.port++);
      this.setup(family, 2 + (round % CLIENTS), (round * 3) % SERVERS, firstPort);
      for (let n = 0; n < 4; n++) this.setup(family, FLOOD, SERVERS + n, this.port++);
    }
    if (this.port > 60_000) this.port = 20_000;
    this.frontEnd.run();
    const flags = round % 8 === 7 ? FLAG.RST | FLAG.ACK : FLAG.SYN | FLAG.ACK;
    this.takeCopies();
    for (const route of ROUTES) {
      this.now += NEAR_MICROS;
      for (const copy of this.copies) this.answer(copy, ((route + round) % ROUTES.length) + 1, flags);
      this.frontEnd.run();
    }
    this.copies.length = 0;
    this.now += ROUND_MICROS;
    this.frontEnd.tick();
    this.standIn.drain();
  }

  async close(): Promise<void> {
    this.frontEnd.upkeep.step();
    this.standIn.drain();
    this.frontEnd.close();
    await this.frontEnd.kernel.close();
    this.standIn.close();
    recycle(this.message);
    recycle(this.space);
  }

  private open(): FrontEnd {
    return new FrontEnd({
      settings: SETTINGS,
      mark: DEFAULT_MARK_MASK,
      queue: 0,
      queueLength: 1024,
      hasIpv6: true,
      tellsPayloads: false,
      staleAfterMicros: Number.POSITIVE_INFINITY,
      clock: () => this.now,
      boundary: new Boundary({
        clock: () => this.now,
        onBroken: ({ what, message }) => {
          this.error ??= `${what}: ${message}`;
        },
        onMany: () => undefined,
      }),
      onHealth: () => undefined,
      onAsk: () => undefined,
      onStateLost: () => undefined,
    });
  }

  private setup(family: Family, client: number, server: number, port: number): void {
    const { queued, marks, frontEnd } = this;
    queued.hook = HOOK.FORWARD;
    queued.mark = (marks.ask | serviceMark(marks, 1) | routeMark(marks, 1)) >>> 0;
    queued.inInterface = LAN;
    queued.hardwareHigh = 0x02000000;
    queued.hardwareLow = client << 16;
    this.queue(frontEnd.lan, writeSyn(this.space, family, client, server, port), this.entry);
  }

  private answer(copy: Uint8Array, route: number, flags: number): void {
    const { queued, frontEnd, packet } = this;
    const view = new DataView(copy.buffer, copy.byteOffset, copy.length);
    if (decode(packet, { bytes: copy, view }, 0, copy.length) !== DECODE.OK || routeOfCopy(packet) !== route)
      return;
    queued.hook = HOOK.PRE_ROUTING;
    queued.mark = 0;
    queued.inInterface = LAN + route;
    queued.hardwareHigh = queued.hardwareLow = 0;
    this.queue(frontEnd.wan, writeAnswer(this.space, packet, flags), null);
  }

  private queue(
    { fd, number }: { fd: number; number: number },
    length: number,
    entry: Uint8Array | null,
  ): void {
    const w = createWriter(this.message.bytes, this.message.view);
    this.queued.id++;
    encodeQueued(w, number, this.queued, this.space.bytes.subarray(0, length), entry);
    this.standIn.say(fd, this.message.address, w.length);
  }

  /** To the servers that there are; a flood's are dark. */
  private takeCopies(): void {
    this.standIn.eachPacket(({ bytes, view }, length) => {
      const isReadable = decode(this.packet, { bytes, view }, 0, length) === DECODE.OK;
      if (isReadable && (this.packet.destination[3] & 255) < SERVERS)
        this.copies.push(bytes.slice(0, length));
    });
  }
}

const FAMILIES = [4, 6] as const;
const LAN = 1;

const SETTINGS: EngineSettings = {
  routes: 4,
  races: 128,
  racesPerClient: 64,
  clientSets: 64,
  clientRate: { perSecond: 200, burst: 200 },
  racePorts: { from: 61_000, to: 65_535 },
  portMemory: 512,
  raceTimeoutMicros: 1_000_000,
  decisions: 128,
  memorySize: 512,
  aggregate: { 4: 32, 6: 128 },
  secret: [1, 2],
};

function routeOf(number: number): EngineRoute {
  return {
    number,
    interfaceIndex: LAN + number,
    usable: { 4: true, 6: true },
    configured: true,
    checkFails: 0,
    admin: 'enabled',
    lastResort: false,
    translate: true,
    mtu: { 4: 1500, 6: 1500 },
    addresses: { 4: outsideOf(4, number), 6: outsideOf(6, number) },
  };
}

function servicesMessage(): ServicesMessage {
  return {
    services: [{ ...EVERYTHING, number: 1, routes: ROUTES }],
    memory: { trustMicros: 600e6, forgetMicros: 1200e6, refresh: 0.3, stagger: 'remembered' },
    rules: NO_RULES,
    masks: [MASK],
    maps: mapsOfRaces(MASK),
    domains: [],
    readsDns: false,
    followed: [],
    signalPorts: [],
    callWeights: { sip: 1, h323: 1, rtsp: 1 },
    resolvers: [],
  };
}
