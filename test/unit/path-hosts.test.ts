import { describe, expect, it } from 'vitest';
import { KnownHosts, MOST_ASKED } from '../../src/core/path/hosts.js';
import type { Host } from '../../src/core/path/stalls.js';

const host = (network: string, client: string): Host => ({ address: `${network}.1`, network, client });
const many = (count: number, client: string): Host[] =>
  Array.from({ length: count }, (_, i) => host(`${client}-${i}`, client));
const networks = (hosts: readonly Host[]): string[] => hosts.map(({ network }) => network);

describe('whom to ask about a path', () => {
  it('those that hang, then the others, the latest first', () => {
    const known = new KnownHosts();
    for (const name of ['x', 'y', 'z']) known.note(host(name, 'pc'));
    expect(networks(known.choose([host('s', 'pc')], [host('check', '')]))).toEqual([
      's',
      'check',
      'z',
      'y',
      'x',
    ]);
  });

  it('one of a network', () => {
    const known = new KnownHosts();
    known.note(host('x', 'pc'));
    expect(networks(known.choose([host('x', 'pc'), host('x', 'tv')], [host('x', '')]))).toEqual(['x']);
  });

  it('a host of the LAN that speaks with many does not make others forgotten, and is not all of what is asked', () => {
    const known = new KnownHosts();
    for (const one of many(3, 'victim')) known.note(one);
    for (const one of many(1000, 'liar')) known.note(one);
    const chosen = known.choose(many(3, 'liar'), []);
    expect(chosen.filter(({ client }) => client === 'victim')).toHaveLength(3);
    expect(chosen.filter(({ client }) => client === 'liar').length).toBeLessThanOrEqual(7);
  });

  it('is bounded', () => {
    const known = new KnownHosts();
    for (let i = 0; i < 100; i++) known.note(host(`n${i}`, `c${i}`));
    expect(known.choose(many(50, 'liar'), [])).toHaveLength(MOST_ASKED);
    expect(networks(known.choose([], []))).toEqual(
      Array.from({ length: MOST_ASKED }, (_, i) => `n${99 - i}`),
    );
  });
});
