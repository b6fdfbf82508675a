/** The negative matrix: what a client must see for every combination of the routes' answers, by the rules (H10). */
import type { Answer } from '../../../lab/index.js';

export type RouteAnswer = 'syn-ack' | Exclude<Answer, 'normal'>;

export const ANSWERS: readonly RouteAnswer[] = [
  'syn-ack',
  'rst',
  'host-unreachable',
  'port-unreachable',
  'prohibited',
  'ttl-exceeded',
  'silent',
];

/** All combinations for `routes` routes, in a fixed order. */
export function combinations(routes: number): RouteAnswer[][] {
  if (routes === 0) return [[]];
  return combinations(routes - 1).flatMap((rest) => ANSWERS.map((answer) => [...rest, answer]));
}

/** A seeded choice without repetition. */
export function sample<Value>(values: readonly Value[], count: number, seed: number): Value[] {
  const left = [...values];
  const chosen: Value[] = [];
  let state = seed >>> 0;
  while (chosen.length < count && left.length > 0) {
    // Numerical Recipes' generator: any will do.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    chosen.push(...left.splice(Math.floor((state / 0x1_0000_0000) * left.length), 1));
  }
  return chosen;
}

export interface Expected {
  /** undefined: connects. `TIMEOUT`: the client's own. */
  readonly error: string | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  /** What the client gets on its side of the gateway, of RST and ICMP errors together. */
  readonly errors: 0 | 1;
}

/** Room for a busy machine, milliseconds. */
const SLACK_MS = 60;
/** Client's errors for an answer (Linux: icmp_err_convert, tcp_v6_err). */
const ERRNO = {
  ipv4: {
    rst: 'ECONNREFUSED',
    'port-unreachable': 'ECONNREFUSED',
    prohibited: 'EHOSTUNREACH',
    'host-unreachable': 'EHOSTUNREACH',
    'ttl-exceeded': 'EHOSTUNREACH',
  },
  ipv6: {
    rst: 'ECONNREFUSED',
    'port-unreachable': 'ECONNREFUSED',
    prohibited: 'EACCES',
    'host-unreachable': 'EHOSTUNREACH',
    // ICMPv6 time exceeded is no reason for a Linux client to give up: it goes on until its own time-out.
    'ttl-exceeded': 'TIMEOUT',
  },
} as const;
const RANK = ['rst', 'port-unreachable', 'prohibited', 'host-unreachable', 'ttl-exceeded'] as const;

/** What the rules say. `rttMs` per route; `limitMs` is the connector's time limit. */
export function expectedResult(
  answers: readonly RouteAnswer[],
  rttMs: readonly number[],
  family: 'ipv4' | 'ipv6',
  limitMs: number,
): Expected {
  const rtts = (wanted: (answer: RouteAnswer) => boolean): number[] =>
    answers.flatMap((answer, index) => (wanted(answer) ? [rttMs[index] as number] : []));
  const positive = rtts((answer) => answer === 'syn-ack');
  const best = Math.min(...positive);
  const resets = rtts((answer) => answer === 'rst');
  const secondReset = [...resets].sort((left, right) => left - right)[1];
  if (positive.length > 0) {
    return { error: undefined, fromMs: best, toMs: best + SLACK_MS, errors: 0 };
  }
  const negative = rtts((answer) => answer !== 'silent');
  const silent = answers.length - negative.length;
  if (negative.length === 0)
    return { error: 'TIMEOUT', fromMs: limitMs, toMs: limitMs + SLACK_MS, errors: 0 };
  const told = RANK.find((answer) => answers.includes(answer)) ?? 'rst';
  const error = ERRNO[family][told];
  const all = Math.max(...negative);
  const [fromMs, toMs] =
    silent === 0 ? [all, all + SLACK_MS] : secondReset === undefined ? [2900, 3300] : [secondReset, 1000];
  if (error === 'TIMEOUT') return { error, fromMs: limitMs, toMs: limitMs + SLACK_MS, errors: 1 };
  return { error, fromMs, toMs, errors: 1 };
}
