/** Everything that can happen to an engine, as plain values: the fuzz run draws them by a seed, the property test by fast-check. */
import type { Random } from '../../src/sim/random.js';
import { FLAG } from '../../src/wire/packet.js';
import { FLOWS, ROUTES } from './flows.js';
import { draw, often, type RecordOf, range, type Scalar } from './shapes.js';

const SYN_ACK = FLAG.SYN | FLAG.ACK;
const RST_ACK = FLAG.RST | FLAG.ACK;

/** Routes that there are, none and one that there never is. */
const anyRoute = range(0, ROUTES + 2);
const someRoute = range(1, ROUTES);
const flow = range(0, FLOWS);
/** 0: none names it; 6: one that does not exist. */
const service = [0, 0, 1, 1, 2, 3, 4, 5, 6];
const tried = [...often(12, 0), ...someRoute];
const pinned = [...often(12, 0), ...someRoute];
/** Where it is asked about (program.ts). */
export type Way = 'any' | 'before' | 'routed1' | 'routed2' | 'stays' | 'local' | 'bound';
const way: readonly Way[] = [
  ...often(24, 'any' as const),
  'before',
  'routed1',
  'routed1',
  'routed2',
  'routed2',
  'stays',
  'local',
  'local',
  'bound',
];
/** The n-th last attempt that left. */
const attempt = [...often(4, 0, 1, 2, 3), ...range(0, 8), ...range(0, 24)];
/** How something is; 0, as usual, as often as otherwise. */
const value = [...often(12, 0), ...range(1, 23)];
/** Whose ends an answer comes to, and by whose route. */
const ends = [...often(10, 'left'), ...(['now', 'client', 'stray'] as const)] as (
  | 'left'
  | 'now'
  | 'client'
  | 'stray'
)[];
const by = [...often(12, 'own'), ...(['other', 'nowhere'] as const)] as ('own' | 'other' | 'nowhere')[];
const yes = [true, true, true, true, true, true, true, false];
const no = [false, false, false, false, false, false, false, true];

/** A SYN with FIN or RST never comes to the engine. */
function isDecoded(flags: number): boolean {
  return (flags & FLAG.SYN) === 0 || (flags & (FLAG.FIN | FLAG.RST)) === 0;
}

export const STEPS = {
  /** A TCP segment of a client. */
  setup: {
    flow,
    /** Which of a few initial sequence numbers; one of them is the last there is. */
    isn: [0, 0, 0, 1, 2],
    flags: [
      ...often(150, FLAG.SYN),
      ...often(10, FLAG.SYN | FLAG.ECE | FLAG.CWR),
      ...often(2, SYN_ACK, FLAG.ACK, FLAG.RST),
      ...range(0, 32).filter(isDecoded),
    ],
    options: [...often(40, 0), ...range(1, 5)],
    ttl: [...often(30, 64), 2, 1],
    ipOptions: [...often(40, 0), 4, 40],
    data: [0, 0, 20],
    service,
    tried,
    pinned,
    way,
  },
  datagram: { flow, service, tried, pinned, way },
  /** A request to connect, of a front end that opens connections itself. */
  socket: { flow, token: [0, 0, 1], service, tried, pinned, way },
  /** A segment to the ends of an attempt, from its server. */
  answer: {
    of: attempt,
    ends,
    by,
    flags: [
      ...often(40, SYN_ACK),
      ...often(16, RST_ACK, FLAG.ACK),
      ...often(8, FLAG.SYN, FLAG.RST, FLAG.FIN | FLAG.ACK),
      ...range(0, 256).filter(isDecoded),
    ],
    ack: [...often(8, 'right'), ...(['word', 'isn'] as const)] as ('right' | 'word' | 'isn')[],
    word: 'word',
    /** What its SYN+ACKs look like: 1 is that of another host. */
    look: [0, 0, 0, 1, 2],
    known: yes,
  },
  icmp: {
    of: attempt,
    ends,
    by,
    /** Destination unreachable, time exceeded, parameter problem, packet too big, in the numbers of the family. */
    type: [0, 0, 0, 1, 2, 3],
    code: [1, 0, 3, 4, 13, 9, 10, 5, 6],
    mtu: [0, 0, 0, 1280, 40, 65_535],
    isn: yes,
    fromServer: no,
    quoteBytes: [1232, 1232, 60, 48, 28, 20, 0],
  },
  /** A packet with something done to it, made by a seed. */
  mutant: { seed: 'word', route: anyRoute, known: yes },
  /** A right answer of which one byte is another. */
  flipped: { of: attempt, at: range(0, 64), bits: range(1, 255), known: yes },
  /** What a front end says of a connection that it has opened; `wild`: of any race and route. */
  outcome: {
    of: attempt,
    outcome: ['answered', 'answered', 'refused', 'failed'] as ('answered' | 'refused' | 'failed')[],
    agoMicros: [0, 0, 0, 5000, 3_000_000],
    wild: no,
    slot: range(-1, 18),
    route: anyRoute,
  },
  /** Settles the commits that wait; `all` or the first, in this order. */
  settle: { ok: yes, all: [true, true, false], reversed: [false, true] },
  /** Whether the commits to come are settled at once, and how. */
  commits: { ok: yes, atOnce: [true, true, false] },
  /** Of any race, committing or not. */
  committed: { slot: range(0, 16), ok: [true, false], twice: [false, true] },
  notSent: { of: attempt, twice: no, wild: no, slot: range(0, 16), route: someRoute },
  /** Time goes by: with a tick at each deadline, with one at the end, with none. */
  pass: {
    micros: [
      ...often(6, 1000, 10_000, 50_000, 200_000),
      ...often(3, 0, 1, 900, 1_000_000),
      ...often(2, 3_000_000),
      6_000_000,
      61_000_000,
    ],
    ticks: [...often(6, 'due'), 'late', 'none'] as ('due' | 'late' | 'none')[],
  },
  /** Of a flow that may be a sample, or none. */
  words: { flow, isServer: [true, false], at: [0, 1000, 1000, 50_000, 400_000] },
  checked: { route: anyRoute, family: [4, 6] as (4 | 6)[], answered: [true, false] },
  session: { begins: [true, false], route: anyRoute, service, counted: [true, false] },
  recount: { route: anyRoute, service, count: [0, 1, 1000] },
  /** One thing of one route is another now; told at once, or with the next one that is. */
  route: {
    route: someRoute,
    change: [
      'usable4',
      'usable4',
      'usable6',
      'pool4',
      'pool4',
      'pool6',
      'prefixes',
      'interface',
      'admin',
      'lastResort',
      'translate',
      'translate',
      'mtu',
      'checkFails',
      'checkRecovers',
    ] as const,
    value,
    apply: [true, true, true, false],
  },
  /** The table of routes itself: some left out, in another order, cut off. */
  table: {
    missing: [...often(15, 0), ...range(1, 15)],
    order: ['as-is', 'reversed', 'rotated'] as ('as-is' | 'reversed' | 'rotated')[],
    length: [...often(12, ROUTES), 3, 2, 1, 0],
  },
  service: {
    service: range(1, 5),
    change: [
      'there',
      'routes',
      'criterion',
      'criterion',
      'affinity',
      'affinityMicros',
      'translate',
      'costDelay',
      'weight',
      'by',
      'threshold',
      'atMost',
      'speaks',
    ] as const,
    value,
    apply: [true, true, true, false],
  },
  /** All of them, in an order, and how memory decides. */
  services: {
    reversed: [false, true],
    trust: [600_000_000, 0, 2_000_000],
    forget: [3, 1],
    stagger: ['never', 'remembered', 'always'] as ('never' | 'remembered' | 'always')[],
    perDestination: [0, 0, 1, 3],
    never: [false, false, true],
  },
  facts: {
    column: ['weight', 'cost', 'capacity', 'traffic', 'used', 'quota', 'probe', 'history'] as const,
    route: someRoute,
    value: [0, 1, 10, -1, 1e6, 1e12, 0.001],
    period: [0, 0, 0, 3_600_000_000, 1_000_000],
  },
  learnSite: { flow, site: [1, 2, 0], lifeMicros: [60_000_000, 0, 3_000_000] },
  sweep: { from: [0, 0, 1], count: [8, 1] },
  refill: { from: [0, 0, 1], count: [8, 1], emptied: [false, true] },
  adopt: { flow, port: range(40_000, 4) },
  /** The routes on which the tuples of attempts belong to living flows. */
  taken: { routes: [0, 0, 0, 2, 4, 30] },
} as const satisfies Readonly<Record<string, Readonly<Record<string, readonly Scalar[] | 'word'>>>>;

export type StepKind = keyof typeof STEPS;

export type StepOf<K extends StepKind> = { readonly kind: K } & RecordOf<(typeof STEPS)[K]>;

export type Step = { [K in StepKind]: StepOf<K> }[StepKind];

/** How often each of them is drawn. */
export const WEIGHTS: Readonly<Record<StepKind, number>> = {
  setup: 70,
  datagram: 4,
  socket: 12,
  answer: 110,
  icmp: 30,
  mutant: 4,
  flipped: 2,
  outcome: 14,
  settle: 10,
  commits: 3,
  committed: 2,
  notSent: 10,
  pass: 26,
  words: 10,
  checked: 6,
  session: 3,
  recount: 1,
  route: 16,
  table: 4,
  service: 6,
  services: 3,
  facts: 3,
  learnSite: 1,
  sweep: 1,
  refill: 1,
  adopt: 1,
  taken: 2,
};

const KINDS = (Object.keys(STEPS) as StepKind[]).flatMap((kind) => often(WEIGHTS[kind], kind));

/** A step as luck will have it. */
export function drawStep(luck: Random): Step {
  const kind = KINDS[Math.floor(luck() * KINDS.length)];
  return draw(STEPS[kind], luck, { kind }) as unknown as Step;
}

/** What an engine is made with. Few of everything, so that things meet. */
export const START = {
  races: [6, 2, 16],
  racesPerClient: [4, 64, 2],
  burst: [4000, 4000, 6],
  ports: [16, 64, 3],
  portMemory: [16, 4],
  memorySize: [3, 1, 8],
  aggregate: [32, 31],
  timeoutMicros: [5_000_000, 5_000_000, 800_000],
  decisions: [64, 3],
  /** Whether the front end has a table of flows, and a kernel that decides by itself. */
  flows: yes,
  notes: yes,
} as const satisfies Readonly<Record<string, readonly Scalar[]>>;

export type Start = RecordOf<typeof START>;

export function drawStart(luck: Random): Start {
  return draw(START, luck) as unknown as Start;
}
