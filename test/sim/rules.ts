/**
 * What must become of a connection, by the rules alone: no code of the engine is used here. Times are milliseconds from
 * the client's first SYN.
 */
import type { ConnectResult } from '../../src/sim/client.js';
import type { Answer } from '../../src/sim/scenario.js';

/** What a route answers, and after how long. */
export interface RouteAnswer {
  readonly answer: Answer;
  readonly rtt: number;
}

export interface Expected {
  readonly result: ConnectResult;
  readonly at: number;
  /** Route that carries the connection, from 1; 0: none. */
  readonly winner: number;
  /** Errors that the client may see. */
  readonly errors: 0 | 1;
}

/** The client is told of errors while others are silent after this long. */
const HOLD = 3000;
/** connect() gives up by itself (Linux, SYNs at 0, 1, 2, 3.1, 4.1, 5.1, 7.1 s). */
const TIMEOUT = 11_100;
/** The better the error, the earlier in this list: the server's own word, then a filter's, then a missing path. */
const PREFERENCE: readonly Answer[] = [
  'rst',
  'port-unreachable',
  'prohibited',
  'host-unreachable',
  'ttl-exceeded',
];
const RESULT: Record<4 | 6, Partial<Record<Answer, ConnectResult>>> = {
  4: {
    rst: 'ECONNREFUSED',
    'port-unreachable': 'ECONNREFUSED',
    prohibited: 'EHOSTUNREACH',
    'host-unreachable': 'EHOSTUNREACH',
    'ttl-exceeded': 'EHOSTUNREACH',
  },
  6: {
    rst: 'ECONNREFUSED',
    'port-unreachable': 'ECONNREFUSED',
    prohibited: 'EACCES',
    'host-unreachable': 'EHOSTUNREACH',
    'ttl-exceeded': 'EHOSTUNREACH',
  },
};

/** The rule for one connection whose routes answer as given; all RTTs differ. */
export function expected(routes: readonly RouteAnswer[], family: 4 | 6): Expected {
  const heard = routes
    .map((route, index) => ({ ...route, number: index + 1 }))
    .filter(({ answer }) => answer !== 'silent')
    .sort((a, b) => a.rtt - b.rtt);
  const yes = heard.find(({ answer }) => answer === 'normal');
  const end = endOfPatience(
    heard.filter(({ answer }) => answer !== 'normal'),
    routes.length,
  );
  if (yes !== undefined && yes.rtt < end)
    return { result: 'connected', at: yes.rtt, winner: yes.number, errors: 0 };
  if (end === Number.POSITIVE_INFINITY) return { result: 'ETIMEDOUT', at: TIMEOUT, winner: 0, errors: 0 };
  const known = heard.filter(({ rtt }) => rtt <= end).map(({ answer }) => answer);
  const best = PREFERENCE.find((answer) => known.includes(answer))!;
  return { result: RESULT[family][best]!, at: end, winner: 0, errors: 1 };
}

/**
 * When the client would be told of an error: at once when every route has said no; after two resets, the server's own
 * refusal, shortly before it repeats its SYN, since nothing is known of the silent routes; otherwise after 3 s.
 */
function endOfPatience(negative: readonly RouteAnswer[], routes: number): number {
  if (negative.length === 0) return Number.POSITIVE_INFINITY;
  const resets = negative.filter(({ answer }) => answer === 'rst').map(({ rtt }) => rtt);
  const all =
    negative.length === routes ? Math.max(...negative.map(({ rtt }) => rtt)) : Number.POSITIVE_INFINITY;
  const refused = resets.length >= 2 ? Math.max(resets[1] + 100, 950) : Number.POSITIVE_INFINITY;
  return Math.min(all, refused, HOLD);
}

/** Every order of a list. */
export function permutations<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]];
  return list.flatMap((item, i) =>
    permutations(list.filter((_, j) => j !== i)).map((rest) => [item, ...rest]),
  );
}

/** Every choice of `length` items, with repetition. */
export function choices<T>(list: readonly T[], length: number): T[][] {
  if (length === 0) return [[]];
  return choices(list, length - 1).flatMap((rest) => list.map((item) => [...rest, item]));
}
