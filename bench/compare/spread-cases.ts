/**
 * What each criterion is asked for and what must come of it, computed by hand: the arithmetic stands beside each case. Three
 * routes `a`, `b`, `c`; 10 000 connections to port 7.
 */
import type { ConfigOverrides } from '../../lab/index.js';
import { type Contender, gateway, peer, SHAPES, selecting } from './subjects.js';

export const CONNECTIONS = 10_000;
export const PORT = 7;
/** A service of its own in some cases: what `before` opens there. */
export const SIDE_PORT = 8;
export const PROBE = '192.0.2.1';

export interface SpreadCase {
  readonly what: string;
  readonly subject: Contender;
  /** Connections by route. */
  readonly expected: Readonly<Record<'a' | 'b' | 'c', number>>;
  /** Largest difference on any route, in connections, and where it comes from. */
  readonly tolerance: number;
  readonly because: string;
  /** `delays`: routes of 2, 6 and 10 ms there and back; `plain`: none. */
  readonly lab: 'plain' | 'delays';
  /** The connections stay open until all are there. */
  readonly hold?: boolean;
  readonly before?: Before;
  /** All 10 000 pairs of client and destination differ, and come a second time: each must take the same route again. */
  readonly pairs?: boolean;
}

/** Done before the counted connections: so many to SIDE_PORT, held open or not; or a load in bits per second on it. */
export type Before =
  | { readonly kind: 'held'; readonly count: number }
  | { readonly kind: 'closed'; readonly count: number }
  | { readonly kind: 'load'; readonly megabits: number };

/** What interleaving and connections that are under way at the same time may shift. */
const A_FEW = 5;
/** Three standard deviations of 10 000 throws at one of three. */
const LUCK = Math.ceil(3 * Math.sqrt(CONNECTIONS * (1 / 3) * (2 / 3)));

const EQUAL = { a: 3334, b: 3333, c: 3333 };
const ONLY_A = { a: CONNECTIONS, b: 0, c: 0 };

function keys(a: object, b: object, c: object): ConfigOverrides {
  return { routes: { a: { ...a }, b: { ...b }, c: { ...c } } };
}

/** The counted service chooses by `select`; connections to SIDE_PORT go as `side` says. */
function beside(side: object, select: unknown, more: ConfigOverrides = {}): ConfigOverrides {
  const services = [
    { name: 'side', match: { tcp: [SIDE_PORT, 5201] }, affinity: 'none', ...side },
    { name: 'counted', match: { tcp: PORT }, select, affinity: 'none' },
  ];
  return selecting(select, { ...more, services });
}

const WEIGHTS = keys({ weight: 5 }, { weight: 3 }, { weight: 2 });
const BY_WEIGHT = { a: 5000, b: 3000, c: 2000 };
const CHECKED = { check: { targets: [`ping ${PROBE}`], interval: '1s' } };

export const CASES: readonly SpreadCase[] = [
  {
    what: 'round-robin',
    subject: gateway('Pathrace', selecting('round-robin')),
    expected: EQUAL,
    tolerance: A_FEW,
    because: '10 000 / 3',
    lab: 'plain',
  },
  {
    what: 'round-robin of two named routes',
    subject: gateway('Pathrace', selecting({ criterion: 'round-robin', routes: ['a', 'c'] })),
    expected: { a: 5000, b: 0, c: 5000 },
    tolerance: A_FEW,
    because: '10 000 / 2',
    lab: 'plain',
  },
  {
    what: 'weighted 5:3:2',
    subject: gateway('Pathrace', selecting('weighted', WEIGHTS)),
    expected: BY_WEIGHT,
    tolerance: A_FEW,
    because: '10 000 x 5/10, 3/10, 2/10',
    lab: 'plain',
  },
  {
    what: 'least-connections, all held',
    subject: gateway('Pathrace', selecting('least-connections')),
    expected: EQUAL,
    tolerance: 50,
    because: '10 000 / 3; sessions are counted a moment after they begin',
    lab: 'plain',
    hold: true,
  },
  {
    what: 'least-connections, 1000 on a before',
    subject: gateway('Pathrace', beside({ select: 'a' }, 'least-connections')),
    expected: { a: 2667, b: 3667, c: 3666 },
    tolerance: 50,
    because: '11 000 / 3 = 3667 on each in the end, 1000 of them on a already',
    lab: 'plain',
    hold: true,
    before: { kind: 'held', count: 1000 },
  },
  {
    what: 'least-weighted-load, 1000 of weight 4 on a before',
    subject: gateway('Pathrace', beside({ select: 'a', sessionWeight: 4 }, 'least-weighted-load')),
    expected: { a: 667, b: 4667, c: 4666 },
    tolerance: 50,
    because: '(10 000 + 4000) / 3 = 4667 on each in the end, 4000 of them on a already',
    lab: 'plain',
    hold: true,
    before: { kind: 'held', count: 1000 },
  },
  {
    what: 'least-traffic, capacities 50, 30, 20 Mbit/s',
    subject: gateway(
      'Pathrace',
      selecting(
        'least-traffic',
        keys({ capacity: '50mbit' }, { capacity: '30mbit' }, { capacity: '20mbit' }),
      ),
    ),
    expected: BY_WEIGHT,
    tolerance: 300,
    because: 'equal connections fill the routes by capacity; traffic is measured, so 3 %',
    lab: 'plain',
  },
  {
    what: 'cheapest, cost 3, 1, 1',
    subject: gateway('Pathrace', selecting('cheapest', keys({ cost: 3 }, { cost: 1 }, { cost: 1 }))),
    expected: { a: 0, b: 5000, c: 5000 },
    tolerance: A_FEW,
    because: 'two of the lowest cost share by weight',
    lab: 'plain',
  },
  {
    what: 'priority',
    subject: gateway('Pathrace', selecting({ criterion: 'priority', routes: ['b', 'a', 'c'] })),
    expected: { a: 0, b: CONNECTIONS, c: 0 },
    tolerance: 0,
    because: 'the first one named',
    lab: 'plain',
  },
  {
    what: 'spillover, a empty',
    subject: gateway(
      'Pathrace',
      selecting('spillover', keys({ capacity: '10gbit' }, { capacity: '10gbit' }, {})),
    ),
    expected: ONLY_A,
    tolerance: 0,
    because: 'a has room',
    lab: 'plain',
  },
  {
    what: 'spillover, a full',
    subject: gateway(
      'Pathrace',
      beside({ select: 'a' }, 'spillover', keys({ capacity: '20mbit' }, { capacity: '10gbit' }, {})),
    ),
    expected: { a: 0, b: CONNECTIONS, c: 0 },
    tolerance: 0,
    because: '40 Mbit/s on a of 20 Mbit/s',
    lab: 'plain',
    before: { kind: 'load', megabits: 40 },
  },
  {
    what: 'hash of client and destination',
    subject: gateway('Pathrace', selecting({ criterion: 'hash', by: 'client+destination' })),
    expected: EQUAL,
    tolerance: LUCK + 30,
    because: '3 sigma of 10 000 different pairs, and 512 slots',
    lab: 'plain',
    pairs: true,
  },
  {
    what: 'fastest-probe',
    subject: gateway('Pathrace', selecting('fastest-probe', keys(CHECKED, CHECKED, CHECKED))),
    expected: ONLY_A,
    tolerance: 0,
    because: 'the pings of a take 2 ms, of b 6, of c 10',
    lab: 'delays',
  },
  {
    what: 'fastest-history, 200 races before',
    subject: gateway('Pathrace', beside({ select: 'race' }, 'fastest-history')),
    expected: ONLY_A,
    tolerance: 0,
    because: 'a won them all',
    lab: 'delays',
    before: { kind: 'closed', count: 200 },
  },
  {
    what: 'race',
    subject: gateway('Pathrace', selecting('race')),
    expected: ONLY_A,
    tolerance: 50,
    because: 'a is nearer by 4 ms; a busy emulator may be later than that now and then',
    lab: 'delays',
  },
  {
    what: 'random, equal weights',
    subject: peer(SHAPES.mwan3),
    expected: EQUAL,
    tolerance: LUCK,
    because: '3 sigma of a random pick, and thousandths: 0.333 instead of 1/3',
    lab: 'plain',
  },
  {
    what: 'random, equal weights',
    subject: peer(SHAPES.vyos),
    expected: EQUAL,
    tolerance: LUCK,
    because: '3 sigma of a random pick',
    lab: 'plain',
  },
  {
    what: 'round robin 5:3:2',
    subject: peer(SHAPES.pfsense, { weights: { a: 5, b: 3, c: 2 } }),
    expected: BY_WEIGHT,
    tolerance: A_FEW,
    because: '10 000 x 5/10, 3/10, 2/10',
    lab: 'plain',
  },
];
