/** Who wins, and what becomes of the others. */
import { BOTH, type Case, type Expected, type Word } from '../case.js';
import { DELAY_MS, ROUTES, type Route, SILENT, three } from '../sites.js';

export const WON: readonly Word[] = ['>syn', '<synack'];
export const LOST: readonly Word[] = ['>syn', '<synack', '>rst'];
export const UNANSWERED: readonly Word[] = ['>syn'];
/** The race ended without this route's answer: should the server have one after all, it is reset. */
export const GIVEN_UP: readonly Word[] = ['>syn', '>rst'];
/** Before the client would repeat its SYN. */
export const AT_ONCE_MS = 900;

/** A usual connection that `by` carries; `others` says what is not as usual. */
export function carriedBy(by: Route, others: Partial<Record<Route, readonly Word[]>> = {}): Expected {
  const routes = Object.fromEntries(ROUTES.map((name) => [name, others[name] ?? (name === by ? WON : LOST)]));
  return { routes, client: WON, outcome: 'connected', by, ms: [2 * DELAY_MS[by], AT_ONCE_MS] };
}

/** The first copies were lost on all routes; the repeat of the SYN is raced. */
export const BY_REPEAT: Expected = {
  routes: {
    a: ['>syn', '>syn', '<synack'],
    b: ['>syn', '>syn', '<synack', '>rst'],
    c: ['>syn', '>syn', '<synack', '>rst'],
  },
  client: ['>syn', '>syn', '<synack'],
  outcome: 'connected',
  by: 'a',
  ms: [1020, 1600],
};

const ORDERS: readonly (readonly [Route, Route, Route])[] = [
  ['a', 'c', 'b'],
  ['b', 'a', 'c'],
  ['b', 'c', 'a'],
  ['c', 'a', 'b'],
  ['c', 'b', 'a'],
];

function inOrder(order: readonly [Route, Route, Route], index: number): Case {
  const links = Object.fromEntries(order.map((name, at) => [name, { delayMs: 10 + 30 * at }]));
  return {
    name: `the answers come in the order ${order.join(', ')}`,
    site: three(links),
    families: [index % 2 === 0 ? 'ipv4' : 'ipv6'],
    steps: [{ open: {} }],
    expect: [{ ...carriedBy(order[0]), ms: [20, AT_ONCE_MS] }],
  };
}

export const RACE: readonly Case[] = [
  {
    name: 'the nearest of three carries it, the others are reset',
    site: three(),
    families: BOTH,
    steps: [{ open: {} }],
    expect: [carriedBy('a')],
    check: (seen) => {
      // Not one packet of the connection but its copy and the reset goes by another route.
      const { wire } = seen.connection();
      const more = wire.filter(({ route, kind }) => route !== 'a' && ['ack', 'data', 'fin'].includes(kind));
      if (more.length > 0) throw new Error(`${more.length} packets by a loser`);
    },
  },
  ...ORDERS.map(inOrder),
  {
    name: 'the nearest is silent: nobody waits for it',
    site: three({ a: SILENT }),
    families: BOTH,
    steps: [{ open: {} }],
    expect: [carriedBy('b', { a: UNANSWERED })],
  },
  {
    name: 'two of three are silent',
    site: three({ a: SILENT, b: SILENT }),
    families: BOTH,
    steps: [{ open: {} }],
    expect: [carriedBy('c', { a: UNANSWERED, b: UNANSWERED })],
  },
  {
    name: 'all are silent: the client hears nothing',
    site: three({ a: SILENT, b: SILENT, c: SILENT }),
    steps: [{ open: { giveUpMs: 1500 } }],
    expect: [
      {
        routes: { a: ['>syn', '>syn'], b: ['>syn', '>syn'], c: ['>syn', '>syn'] },
        client: ['>syn', '>syn'],
        outcome: 'gave-up',
      },
    ],
  },
  {
    name: 'a provider that answers in the server’s place: its yes counts like any other',
    site: three({ a: { answersSyn: true } }),
    families: BOTH,
    steps: [{ open: { bytes: 0 } }, { wait: 200 }],
    expect: [
      {
        routes: { a: WON, b: LOST, c: LOST },
        client: WON,
        outcome: 'connected',
        ms: [0, AT_ONCE_MS],
      },
    ],
  },
  {
    name: 'ten connections of two clients at one time',
    site: three(),
    families: BOTH,
    steps: Array.from({ length: 10 }, (_, index) => ({ open: { client: index % 2 } })),
    expect: Array.from({ length: 10 }, () => carriedBy('a')),
  },
];
