/** Connections of one group that begin at the same moment: the first that is decided decides for all that wait for an answer. */
import { describe, expect, it } from 'vitest';
import { JOIN_MICROS } from '../../src/core/affinity/join.js';
import type { EngineService } from '../../src/core/engine-types.js';
import type { Endpoint } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { type Effect, Harness, ISN, only, RST_ACK, routes, words } from '../sim/engine-harness.js';

const CLIENT = words('10.0.0.2');
const ONE: Endpoint = { address: words('198.51.100.1'), port: 443 };
const OTHER: Endpoint = { address: words('192.0.2.1'), port: 443 };

function gateway(service: Partial<EngineService> = {}, stagger: 'never' | 'always' = 'never'): Harness {
  const h = new Harness(3, {}, routes(3));
  h.setServices([serviceOver([1, 2, 3], { affinity: 'client', ...service })], { stagger });
  return h;
}

function open(h: Harness, port: number, destination: Endpoint, address = CLIENT): Effect[] {
  return h.setup({ service: 1, client: { address, port }, destination });
}

/** The answer of a server to the copy by a route. */
function answer(h: Harness, route: number, port: number, from: Endpoint, fields: object = {}): Effect[] {
  const { addresses } = h.engine.routes[route - 1];
  return h.answer(route, { from, to: { address: addresses[4], port }, ...fields });
}

describe('undecided races of a group', () => {
  it('follow the first that is decided: other answers are kept back, and told when theirs comes', () => {
    const h = gateway();
    open(h, 40_000, ONE);
    expect(open(h, 40_001, OTHER).map(({ kind }) => kind)).toContain('attempt');
    h.pass(10);
    expect(answer(h, 2, 40_000, ONE).map(({ kind }) => kind)).toContain('commit');
    h.pass(10);
    answer(h, 1, 40_001, OTHER);
    expect(h.words).toEqual(['drop']);
    expect(h.ignored('kept-for-group')).toBe(1);
    h.pass(20);
    answer(h, 2, 40_001, OTHER);
    expect(h.words).toEqual(['cancel 1', 'commit 2']);
    // As the other end expects it next: its answer is what was kept back.
    expect(only(h.last, 'cancel')).toMatchObject([{ sequence: ISN + 1 }]);
    expect(h.engine.latestDecisions(1)[0]).toMatchObject({ route: 2, reason: 'group-reply' });
    // What was kept back is measured as it came.
    expect(h.memory(OTHER).slice(0, 2)).toEqual(['answered 20', 'answered 40']);
  });

  it('are of the same client and, by `client+destination`, of the same destination', () => {
    const h = gateway({ affinity: 'client+destination' });
    open(h, 40_000, ONE);
    open(h, 40_001, OTHER);
    open(h, 40_002, ONE);
    open(h, 40_003, ONE, words('10.0.0.3'));
    h.pass(10);
    answer(h, 2, 40_000, ONE);
    answer(h, 1, 40_001, OTHER);
    expect(h.words).toContain('commit 1');
    answer(h, 1, 40_003, ONE);
    expect(h.words).toContain('commit 1');
    answer(h, 1, 40_002, ONE);
    expect(h.words).toEqual(['drop']);
  });

  it('are none without affinity', () => {
    const h = gateway({ affinity: 'none' });
    open(h, 40_000, ONE);
    open(h, 40_001, ONE);
    answer(h, 2, 40_000, ONE);
    answer(h, 1, 40_001, ONE);
    expect(h.words).toContain('commit 1');
  });

  it('follow what a criterion or a datagram has given their group meanwhile', () => {
    const h = gateway();
    open(h, 40_000, ONE);
    const [{ route }] = only(
      h.datagram({ service: 1, client: { address: CLIENT, port: 50_000 } }),
      'release',
    );
    const others = [1, 2, 3].filter((number) => number !== route);
    answer(h, others[0], 40_000, ONE);
    expect(h.words).toEqual(['drop']);
    answer(h, route!, 40_000, ONE);
    expect(h.words).toContain(`commit ${route}`);
  });

  it('begin to wait before the first is bound', () => {
    const h = gateway();
    open(h, 40_000, ONE);
    h.commitResult = null;
    answer(h, 2, 40_000, ONE);
    expect(open(h, 40_001, OTHER)).toContainEqual({
      kind: 'release',
      route: 2,
      reason: 'affinity',
      service: 1,
    });
  });

  it('ask the group’s route at once, whose turn was later', () => {
    const h = gateway({}, 'always');
    open(h, 40_000, ONE);
    h.pass(300);
    expect(h.all.filter(({ kind }) => kind === 'attempt').map(({ route }) => route)).toEqual([1, 2]);
    open(h, 40_001, OTHER);
    expect(only(h.last, 'attempt').map(({ route }) => route)).toEqual([1]);
    answer(h, 2, 40_000, ONE);
    expect(only(h.last, 'attempt').map(({ route }) => route)).toEqual([2]);
  });
});

describe('a group’s route that does not answer', () => {
  function waiting(): Harness {
    const h = gateway();
    open(h, 40_000, ONE);
    open(h, 40_001, OTHER);
    h.pass(10);
    answer(h, 2, 40_000, ONE);
    answer(h, 1, 40_001, OTHER);
    return h;
  }

  it('is waited for no longer than that: who has answered is asked again, and wins', () => {
    const h = waiting();
    const asked = h.pass(JOIN_MICROS / 1000 + 1);
    expect(only(asked, 'attempt').map(({ route }) => route)).toEqual([1]);
    answer(h, 1, 40_001, OTHER);
    expect(h.words).toContain('commit 1');
    // It says nothing of the group.
    expect(only(h.last, 'pin')).toEqual([]);
    open(h, 40_002, ONE);
    expect(h.words).toEqual(['release 2']);
  });

  it('is not waited for when it says no', () => {
    const h = waiting();
    answer(h, 2, 40_001, OTHER, { flags: RST_ACK, sequence: 0 });
    expect(only(h.last, 'attempt').map(({ route }) => route)).toEqual([1]);
    answer(h, 1, 40_001, OTHER);
    expect(h.words).toContain('commit 1');
  });

  it('is not waited for by a client that repeats its SYN: all are asked', () => {
    const h = waiting();
    open(h, 40_001, OTHER);
    expect(only(h.last, 'attempt').map(({ route }) => route)).toEqual([1, 2, 3]);
    answer(h, 3, 40_001, OTHER);
    expect(h.words).toContain('commit 3');
  });

  it('asks nobody again whose link has gone meanwhile', () => {
    const h = waiting();
    h.setRoutes(routes(3, ({ number }) => (number === 1 ? { usable: { 4: false, 6: false } } : {})));
    expect(only(h.pass(JOIN_MICROS / 1000 + 1), 'attempt')).toEqual([]);
    open(h, 40_001, OTHER);
    answer(h, 3, 40_001, OTHER);
    expect(h.words).toContain('commit 3');
  });

  it('leaves nobody half open when all keep silent', () => {
    const h = waiting();
    const effects = h.pass(120_000);
    expect(new Set(only(effects, 'cancel').map(({ route }) => route))).toEqual(new Set([1, 2, 3]));
    expect(h.engine.races.active).toBe(0);
  });
});
