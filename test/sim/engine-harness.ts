/** The engine alone: inputs built by hand, effects written down. For what a whole simulated site would hide. */
import { masksOf } from '../../src/core/choose/services.js';
import type {
  AttemptOutcome,
  Effects,
  Event,
  FlowTable,
  Input,
  MemoryEntry,
  NoteSink,
  Verdict,
  WireSink,
} from '../../src/core/contract.js';
import { Engine } from '../../src/core/engine.js';
import {
  type AffinityGroup,
  type EngineRoute,
  type EngineService,
  type EngineSettings,
  type MemorySettings,
  type Micros,
  NO_RULES,
  type RaceId,
  type RaceRules,
  type RouteNumber,
  type ServiceNumber,
} from '../../src/core/engine-types.js';
import { HEALTH_STATES } from '../../src/core/health/health.js';
import { VERDICT_NAMES } from '../../src/core/memory/verdicts.js';
import { PacketBuilder } from '../../src/core/packets/builder.js';
import { SOCKET } from '../../src/core/protocols/socket.js';
import { ENDS, type LocalEnds } from '../../src/core/race/ends.js';
import { createShard, type Shard } from '../../src/core/shard.js';
import { createSite, type Site } from '../../src/core/site.js';
import { type AddressWords, type Family, formatAddress, parseAddress } from '../../src/model/address.js';
import {
  type HealthReason,
  IGNORED_REASONS,
  type IgnoredReason,
  SINGLE_REASONS,
  type SingleReason,
} from '../../src/model/reasons.js';
import { type Endpoint, icmpPacket, tcpPacket } from '../../src/sim/packets.js';
import { DEFAULT_MEMORY, DEFAULT_SETTINGS } from '../../src/sim/world.js';
import { MAX_BUILT_LENGTH } from '../../src/wire/build.js';
import { createPacket, DECODE, decode, FLAG, PROTOCOL } from '../../src/wire/packet.js';
import { viewed } from '../../src/wire/viewed-bytes.js';

export interface Effect {
  readonly kind:
    | 'release'
    | 'pass'
    | 'drop'
    | 'attempt'
    | 'cancel'
    | 'refuse'
    | 'commit'
    | 'reject'
    | 'remember'
    | 'unremember'
    | 'pin'
    | 'ask'
    | 'route-changed';
  readonly race?: RaceId;
  readonly route?: RouteNumber;
  readonly sequence?: number;
  /** Token of the race at that moment: the initial sequence number. */
  readonly isn?: number;
  readonly reason?: SingleReason | HealthReason;
  /** Left out when 0. */
  readonly service?: ServiceNumber;
  /** Left out when false. */
  readonly counted?: true;
  /** What is remembered or pinned: the destination, or client and group. */
  readonly key?: string;
  readonly mask?: number;
  /** Left out when false. */
  readonly interim?: true;
  readonly ttl?: Micros;
}

/** The last effect of every packet is its verdict. */
export const VERDICTS = ['release', 'pass', 'drop', 'commit'];
/** What the kernel's maps are told: not what becomes of a packet. */
const NOTES: readonly string[] = ['remember', 'unremember', 'pin', 'ask', 'route-changed'];

export const SYN_ACK = FLAG.SYN | FLAG.ACK;
export const RST_ACK = FLAG.RST | FLAG.ACK;

export interface SetupFields {
  client?: Endpoint;
  destination?: Endpoint;
  isn?: number;
  flags?: number;
  options?: readonly number[];
  ttl?: number;
  ipOptions?: number;
  data?: number;
  service?: ServiceNumber;
  tried?: RouteNumber;
  /** The route that the kernel's maps name. */
  pinned?: RouteNumber;
  routed?: RouteNumber;
  host?: number;
  isLocal?: boolean;
  hasWay?: boolean;
}

export interface AnswerFields {
  from?: Endpoint;
  to?: Endpoint;
  sequence?: number;
  acknowledgement?: number;
  flags?: number;
  known?: boolean;
  data?: number;
  options?: readonly number[];
}

export function words(text: string): AddressWords {
  const parsed = parseAddress(text);
  if (parsed === null) throw new RangeError(`"${text}" is not an address`);
  return parsed;
}

export const CLIENT: Endpoint = { address: words('10.0.0.2'), port: 40_000 };
export const SERVER: Endpoint = { address: words('198.51.100.1'), port: 443 };
export const ISN = 1_000_000;
export const SERVER_ISN = 5_000_000;

/** Routes 1..n over interfaces 11.., with 203.0.r.2 and fd03:r::2. */
export function routes(
  count: number,
  change: (route: EngineRoute) => Partial<EngineRoute> = () => ({}),
): EngineRoute[] {
  return Array.from({ length: count }, (_, i) => {
    const number = i + 1;
    const route: EngineRoute = {
      number,
      interfaceIndex: 10 + number,
      usable: { 4: true, 6: true },
      configured: true,
      checkFails: 0,
      admin: 'enabled',
      lastResort: false,
      translate: true,
      mtu: { 4: 1500, 6: 1500 },
      addresses: { 4: words(`203.0.${number}.2`), 6: words(`fd03:${number}::2`) },
    };
    return { ...route, ...change(route) };
  });
}

/** Race ports that clients have: a copy's port is its client's, and the tests are read more easily. */
const CLIENT_PORTS = { from: 32_768, to: 60_999 };

export class Harness implements WireSink, NoteSink, FlowTable {
  readonly engine: Engine;
  now = 0;
  /** All effects since the start, and those of the last input. */
  readonly all: Effect[] = [];
  last: Effect[] = [];
  /** What the kernel says to commits; null: it has not said anything yet. */
  commitResult: boolean | null = true;

  /** The route of the flow that the kernel has, by default that which the last set-up had tried; 0: none. */
  kernelRoute = 0;

  protected readonly packet = createPacket();

  constructor(
    count = 3,
    settings: Partial<EngineSettings> = {},
    table: readonly EngineRoute[] = routes(count),
  ) {
    const full = { ...DEFAULT_SETTINGS, racePorts: CLIENT_PORTS, routes: count, ...settings };
    const effects: Effects = { wire: this, notes: this, flows: this };
    this.engine = new Engine(createSite(full), createShard(full), effects);
    this.engine.setRoutes(table, this.now);
  }

  setRoutes(table: readonly EngineRoute[]): Effect[] {
    this.begin();
    this.engine.setRoutes(table, this.now);
    return this.last;
  }

  setServices(
    services: readonly EngineService[],
    memory: Partial<MemorySettings> = {},
    rules: Partial<RaceRules> = {},
  ): void {
    const settings = { ...DEFAULT_MEMORY, ...memory };
    const masks = masksOf(services, settings);
    this.engine.setServices(services, settings, masks, { ...NO_RULES, ...rules });
  }

  setup(fields: SetupFields = {}): Effect[] {
    const { client = CLIENT, destination = SERVER, isn = ISN, flags = FLAG.SYN, ...rest } = fields;
    const { service = 0, tried = 0, pinned = 0, host = 0, ...more } = rest;
    const { routed = 0, isLocal = false, hasWay = false, ...packet } = more;
    this.begin();
    this.read(
      tcpPacket({ ...packet, from: client, to: destination, sequence: isn, acknowledgement: 0, flags }),
    );
    this.kernelRoute = tried;
    const input = { service, tried, pinned, routed, host, isLocal, hasWay };
    this.handle({ kind: 'setup', packet: this.packet, ...input });
    return this.finish();
  }

  /** A UDP datagram, as the front end shows what it does not decode further: addresses, ports, protocol. */
  datagram(fields: SetupFields = {}): Effect[] {
    const { client = CLIENT, destination = SERVER, service = 0 } = fields;
    this.begin();
    const packet = createPacket();
    packet.family = client.address[2] === 0xffff ? 4 : 6;
    packet.protocol = 17;
    packet.source.set(client.address);
    packet.destination.set(destination.address);
    packet.sourcePort = client.port;
    packet.destinationPort = destination.port;
    this.handle({ kind: 'setup', packet, service, tried: 0 });
    return this.finish();
  }

  /** A request to connect, as a front end that opens connections itself shows it. */
  socket(fields: Pick<SetupFields, 'client' | 'destination'> & { token?: number } = {}): Effect[] {
    const { client = CLIENT, destination = SERVER, token = 0 } = fields;
    this.begin();
    const packet = createPacket();
    packet.family = client.address[2] === 0xffff ? 4 : 6;
    packet.protocol = SOCKET;
    packet.source.set(client.address);
    packet.destination.set(destination.address);
    packet.sourcePort = client.port;
    packet.destinationPort = destination.port;
    packet.sequence = token;
    this.handle({ kind: 'setup', packet, service: 0, tried: 0 });
    return this.finish();
  }

  /** What that front end says of an attempt, as of `at`. */
  outcome(race: RaceId, route: RouteNumber, outcome: AttemptOutcome, at = this.now): Effect[] {
    this.begin();
    this.handle({ kind: 'outcome', race, route, outcome, at });
    return this.finish();
  }

  /** A whole raced connection from a client port of its own, answered by each route after its milliseconds (null: never). */
  connection(
    port: number,
    answers: readonly (number | null)[],
    fields: Omit<SetupFields, 'client'> & { client?: AddressWords } = {},
  ): Effect[] {
    const client = { address: fields.client ?? CLIENT.address, port };
    const destination = fields.destination ?? SERVER;
    const begun = this.all.length;
    const start = this.now;
    this.setup({ ...fields, client });
    const order = answers
      .map((after, i) => ({ route: i + 1, after }))
      .filter((each): each is { route: number; after: number } => each.after !== null)
      .sort((a, b) => a.after - b.after);
    for (const { route, after } of order) {
      this.pass(start / 1000 + after - this.now / 1000);
      const race = this.raceOf(client, destination);
      if (race < 0 || !this.engine.races.hasAttempt(race, route)) continue;
      const natPort = this.engine.races.natPort[race];
      const to = { address: this.sourceOf(route, destination), port: natPort };
      this.answer(route, { from: destination, to, acknowledgement: (fields.isn ?? ISN) + 1 });
    }
    return this.all.slice(begun);
  }

  checked(route: RouteNumber, answered: boolean, family: Family = 4): Effect[] {
    this.begin();
    this.note({ kind: 'checked', route, family, answered });
    return this.last;
  }

  session(begins: boolean, route: RouteNumber, service: ServiceNumber, counted: boolean): void {
    this.note({ kind: 'session', begins, route, service, counted });
  }

  /** By default the SYN+ACK of SERVER to route `route`'s copy of CLIENT's SYN. */
  answer(route: RouteNumber, fields: AnswerFields = {}): Effect[] {
    const {
      from = SERVER,
      to = { address: this.sourceOf(route, from), port: CLIENT.port },
      sequence = SERVER_ISN,
      acknowledgement = ISN + 1,
      flags = SYN_ACK,
      known = true,
      data = 0,
      options = [],
    } = fields;
    const segment = { from, to, sequence, acknowledgement, flags, data, options };
    return this.answerBytes(route, tcpPacket(segment), known);
  }

  /** An ICMP error about route `route`'s copy, from its provider's router; `quote` changes what it quotes. */
  icmp(
    route: RouteNumber,
    type: number,
    code: number,
    quote: { source?: Endpoint; destination?: Endpoint; isn?: number; mtu?: number } = {},
  ): Effect[] {
    const { destination = SERVER, isn = ISN, mtu = 0 } = quote;
    const { source = { address: this.sourceOf(route, destination), port: CLIENT.port } } = quote;
    const quoted = tcpPacket({
      from: source,
      to: destination,
      sequence: isn,
      acknowledgement: 0,
      flags: FLAG.SYN,
    });
    const from = words(destination.address[0] === 0 ? `203.0.${route}.1` : `fd03:${route}::1`);
    return this.answerBytes(
      route,
      icmpPacket({ from, to: source.address, type, code, mtu, quote: quoted }),
      false,
    );
  }

  answerBytes(route: RouteNumber, bytes: Uint8Array, known: boolean): Effect[] {
    this.begin();
    this.read(bytes);
    this.handle({ kind: 'answer', packet: this.packet, interfaceIndex: 10 + route, known });
    return this.finish();
  }

  notSent(race: RaceId, route: RouteNumber): Effect[] {
    this.begin();
    this.engine.notSent(race, route, this.now);
    return this.finish();
  }

  /** What the kernel says to a commit that `commitResult` null has kept open. */
  committed(race: RaceId, ok: boolean): Effect[] {
    this.begin();
    this.note({ kind: 'committed', race, ok });
    return this.last;
  }

  /** Lets milliseconds pass, with a tick at each deadline in between. Returns the effects of all of them. */
  pass(milliseconds: number): Effect[] {
    const end = this.now + milliseconds * 1000;
    const effects: Effect[] = [];
    while (this.engine.nextDeadline() <= end) {
      this.now = Math.max(this.now, this.engine.nextDeadline());
      this.begin();
      this.note({ kind: 'tick' });
      effects.push(...this.last);
    }
    this.now = end;
    return effects;
  }

  single(reason: SingleReason): number {
    return this.engine.counters.single[SINGLE_REASONS.indexOf(reason)];
  }

  ignored(reason: IgnoredReason): number {
    return this.engine.counters.ignored[IGNORED_REASONS.indexOf(reason)];
  }

  /** What memory holds of a destination: a word and milliseconds per route. */
  memory(destination: Endpoint = SERVER): string[] {
    const { memory } = this.engine;
    const slot = memory.find(destination.address, 0);
    if (slot < 0) return [];
    return Array.from({ length: memory.routes }, (_, i) => {
      const at = slot * memory.routes + i;
      const rtt = memory.rttOf(slot, i + 1);
      return VERDICT_NAMES[memory.verdicts.kind[at]] + (rtt < 0 ? '' : ` ${rtt / 1000}`);
    });
  }

  /** Entries of the kernel's memory, as the engine counts them. */
  get inKernel(): number {
    return this.engine.countMemory(0, this.engine.memory.size, this.now).inKernel;
  }

  /** Health per route: up, suspect or down. */
  health(family: Family = 4): string[] {
    return this.engine.routes.map(({ number }) => HEALTH_STATES[this.engine.health.of(number, family)]);
  }

  /** The race of a TCP flow; -1 when there is none. */
  raceOf(client: Endpoint = CLIENT, destination: Endpoint = SERVER): RaceId {
    return this.engine.races.findFlow({
      family: client.address[2] === 0xffff ? 4 : 6,
      protocol: PROTOCOL.TCP,
      source: client.address,
      sourcePort: client.port,
      destination: destination.address,
      destinationPort: destination.port,
    });
  }

  /** The copy of a race on a route, as a front end sends it. */
  copy(race: RaceId, route: RouteNumber): Uint8Array {
    const bytes = new Uint8Array(MAX_BUILT_LENGTH);
    const builder = new PacketBuilder(this.engine.site, this.engine.shard);
    return bytes.slice(0, builder.copy(race, route, { bytes, view: new DataView(bytes.buffer), at: 0 }));
  }

  isTranslated(race: RaceId, route: RouteNumber): boolean {
    const { races } = this.engine;
    return races.attemptEnds[races.attempt(race, route)] !== ENDS.OWN;
  }

  /** The inside of the engine, for invariants only. */
  get context(): { readonly site: Site; readonly shard: Shard } {
    return this.engine;
  }

  /** The effects of the last input as words, for comparing; without what the kernel's maps are told. */
  get words(): string[] {
    return wordsOf(this.last);
  }

  private sourceOf(route: RouteNumber, server: Endpoint): AddressWords {
    const { addresses } = this.engine.routes[route - 1];
    const isV4 = server.address[0] === 0 && server.address[2] === 0xffff;
    return addresses[isV4 ? 4 : 6].slice(0, 4);
  }

  protected read(bytes: Uint8Array): void {
    const result = decode(this.packet, viewed(bytes), 0, bytes.length);
    if (result !== DECODE.OK) throw new RangeError(`the test's packet does not decode: ${result}`);
  }

  protected begin(): void {
    this.last = [];
  }

  protected finish(): Effect[] {
    const commit = this.last.find(({ kind }) => kind === 'commit');
    if (commit !== undefined && this.commitResult !== null) {
      this.note({ kind: 'committed', race: commit.race!, ok: this.commitResult });
    }
    return this.last;
  }

  protected handle(input: Input): void {
    this.noteVerdict(this.engine.handle(input, this.now));
  }

  private note(event: Event): void {
    this.engine.note(event, this.now);
  }

  private noteVerdict({ kind, route, reason, service, counted, race }: Verdict): void {
    const extra = { ...(service !== 0 && { service }), ...(counted && { counted }) };
    if (kind === 'release') this.add({ kind, route, reason, ...extra });
    else if (kind === 'commit') this.add({ kind, race, route });
    else this.add({ kind });
  }

  protected add(effect: Effect): void {
    this.last.push(effect);
    this.all.push(effect);
  }

  attempt(race: RaceId, route: RouteNumber): void {
    this.add({ kind: 'attempt', race, route });
  }
  cancel(race: RaceId, route: RouteNumber, sequence: number): void {
    this.add({ kind: 'cancel', race, route, sequence, isn: this.engine.races.token[race] });
  }
  refuse(): void {
    this.add({ kind: 'refuse' });
  }
  reject(race: RaceId, route: RouteNumber): void {
    this.add({ kind: 'reject', race, route });
  }
  remember({ mask, words, at, route, ttl }: MemoryEntry): void {
    this.add({ kind: 'remember', mask, key: formatAddress(words, at), route, ttl });
  }
  unremember({ mask, words, at }: MemoryEntry): void {
    this.add({ kind: 'unremember', mask, key: formatAddress(words, at) });
  }
  pin(
    service: ServiceNumber,
    group: AffinityGroup,
    route: RouteNumber,
    isInterim: boolean,
    ttl: Micros,
  ): void {
    this.add({
      kind: 'pin',
      service,
      key: groupText(group),
      route,
      ttl,
      ...(isInterim && { interim: true }),
    });
  }
  ask(service: ServiceNumber, group: AffinityGroup, ttl: Micros): void {
    this.add({ kind: 'ask', service, key: groupText(group), ttl });
  }
  routeChanged(route: RouteNumber, reason: HealthReason): void {
    this.add({ kind: 'route-changed', route, reason });
  }
  /** Told by the verdict as well, which is what is noted. */
  commit(_race: RaceId, _route: RouteNumber): void {}
  /** The kernel's flow leaves with the client's port and the first address of the route that was tried; 0: it is not there. */
  endsOf(out: LocalEnds): boolean {
    if (this.kernelRoute === 0) return false;
    const server = { address: this.packet.destination, port: this.packet.destinationPort };
    out.local.set(this.sourceOf(this.kernelRoute, server));
    out.localPort = this.packet.sourcePort;
    return true;
  }
  /** Routes whose tuples belong to living flows. */
  readonly taken = new Set<RouteNumber>();

  isTaken(_race: RaceId, route: RouteNumber): boolean {
    return this.taken.has(route);
  }
}

/** Effects as words, without what the kernel's maps are told. */
export function wordsOf(effects: readonly Effect[]): string[] {
  return effects
    .filter(({ kind }) => !NOTES.includes(kind))
    .map(({ kind, route }) => (route === undefined ? kind : `${kind} ${route}`));
}

/** Effects of one kind. */
export function only(effects: readonly Effect[], kind: Effect['kind']): Effect[] {
  return effects.filter((effect) => effect.kind === kind);
}

function groupText({ client, kind, destination, number }: AffinityGroup): string {
  const last = kind === 'address' ? formatAddress(destination) : kind === 'number' ? `#${number >>> 0}` : '*';
  return `${formatAddress(client)} ${last}`;
}
