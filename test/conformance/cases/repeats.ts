/** Packets of the set-up that get lost, and what the client's repeats of its SYN do. */
import { expect } from 'vitest';
import { BOTH, type Case, type Step } from '../case.js';
import { ROUTES, three } from '../sites.js';
import { AT_ONCE_MS, BY_REPEAT, carriedBy } from './race.js';

/** Loses the first packets of a kind on each of the routes. */
function lose(routes: readonly string[], packet: 'syn' | 'synack' | 'rst', count = 1): Step[] {
  return routes.map((name) => ({ loses: name, drop: { packet, count } }));
}

export const REPEATS: readonly Case[] = [
  {
    name: 'the SYN is lost on all routes: the repeat is raced again and connects',
    site: three(),
    families: BOTH,
    steps: [...lose(ROUTES, 'syn'), { open: {} }],
    expect: [BY_REPEAT],
  },
  {
    name: 'the SYN is lost on all routes twice: every repeat is copied with the same port',
    site: three(),
    steps: [...lose(ROUTES, 'syn', 2), { open: {} }],
    expect: [
      {
        routes: {
          a: ['>syn', '>syn', '>syn', '<synack'],
          b: ['>syn', '>syn', '>syn', '<synack', '>rst'],
          c: ['>syn', '>syn', '>syn', '<synack', '>rst'],
        },
        client: ['>syn', '>syn', '>syn', '<synack'],
        outcome: 'connected',
        by: 'a',
        ms: [2020, 2900],
      },
    ],
  },
  {
    name: 'the SYN is lost on the nearest route: the next one carries it',
    site: three(),
    families: BOTH,
    steps: [...lose(['a'], 'syn'), { open: {} }],
    expect: [carriedBy('b', { a: ['>syn'] })],
  },
  {
    name: 'a SYN+ACK is lost on the nearest route: its repeat comes when another has won, and is reset',
    site: three(),
    families: BOTH,
    steps: [...lose(['a'], 'synack'), { open: {} }, { wait: 1200 }],
    expect: [carriedBy('b')],
  },
  {
    name: 'the SYN is repeated while the race runs: copies again, no second race',
    site: three({ a: { delayMs: 550 }, b: { delayMs: 600 }, c: { delayMs: 650 } }),
    steps: [{ open: {} }, { wait: 1600 }],
    expect: [
      {
        // A server may repeat its SYN+ACK by itself, and answers the second copy.
        routes: {
          a: /^>syn >syn <synack( <synack)*$/,
          b: /^>syn >syn( <synack >rst)+$|^>syn >syn <synack( <synack| >rst)+$/,
          c: /^>syn >syn( <synack >rst)+$|^>syn >syn <synack( <synack| >rst)+$/,
        },
        client: /^>syn >syn <synack( <synack)*$/,
        outcome: 'connected',
        by: 'a',
        ms: [1100, 1900],
      },
    ],
  },
  {
    name: 'the reset of a loser is lost: the SYN+ACK that is repeated for it is reset again',
    site: three(),
    steps: [...lose(['b'], 'rst'), { open: {} }, { wait: 1300 }],
    expect: [carriedBy('a', { b: ['>syn', '<synack', '>rst', '<synack', '>rst'] })],
    check: (seen) => {
      const resets = seen.connection().wire.filter(({ kind, route }) => kind === 'rst' && route === 'b');
      expect(new Set(resets.map(({ seq }) => seq)).size).toBe(1);
      expect(seen.connection().client.connectMs).toBeLessThan(AT_ONCE_MS);
    },
  },
];
