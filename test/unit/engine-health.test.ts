import { describe, expect, it } from 'vitest';
import type { EngineRoute, EngineService } from '../../src/core/engine-types.js';
import type { Endpoint } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { CLIENT, type Effect, Harness, ISN, only, routes, words, wordsOf } from '../sim/engine-harness.js';

let nextPort = 40_000;

function gateway(count = 3, service: Partial<EngineService> = {}, table = routes(count)): Harness {
  const h = new Harness(count, {}, table);
  h.setServices([
    serviceOver(
      table.map(({ number }) => number),
      service,
    ),
  ]);
  return h;
}

function server(host: number): Endpoint {
  return { address: words(`198.51.${host}.1`), port: 443 + (host % 2) };
}

/** A connection that the kernel had given to `tried`, and that another route saves; until its race is over. */
function rescue(h: Harness, tried: number, by: number, host = 1): Effect[] {
  const answers = h.engine.routes.map(({ number }) => (number === by ? 10 : null));
  const effects = h.connection(nextPort++, answers, { service: 1, tried, destination: server(host) });
  return [...effects, ...h.pass(2000)];
}

/** A race that route `route` alone does not answer. */
function silence(h: Harness, route: number, host: number): Effect[] {
  const answers = h.engine.routes.map(({ number }) => (number === route ? null : 10));
  const effects = h.connection(nextPort++, answers, { service: 1, destination: server(host) });
  return [...effects, ...h.pass(4500)];
}

/** Answers of all routes to a new destination. */
let nextHost = 100;
function answers(h: Harness, count = 1): void {
  for (let i = 0; i < count; i++) {
    h.connection(
      nextPort++,
      h.engine.routes.map(() => 10),
      { service: 1, destination: server(nextHost++ % 250) },
    );
    h.pass(1);
  }
}

function link(count: number, ...down: number[]): EngineRoute[] {
  return routes(count, ({ number }) => ({
    usable: { 4: !down.includes(number), 6: !down.includes(number) },
  }));
}

/** Kills route 1 by silence: six connections of three destinations. */
function kill(h: Harness): void {
  for (let i = 0; i < 6; i++) silence(h, 1, i % 3);
  expect(h.health()[0]).toBe('down');
}

describe('a remembered route that is silent', () => {
  it('with the repeat of the SYN the others are asked besides, and its flow lives on', () => {
    const h = gateway();
    h.connection(39_000, [10, 20, 30], { service: 1 });
    h.pass(100);
    h.setup({ service: 1, tried: 1 });
    expect(h.words).toEqual(['attempt 2', 'attempt 3', 'pass']);
    h.pass(20);
    h.answer(2);
    expect(h.words).toEqual(['commit 2']);
    expect(h.engine.latestDecisions(1)).toMatchObject([{ route: 2, reason: 'rescued' }]);
    expect([...h.engine.counters.rescues]).toEqual([0, 1, 0, 0]);
    expect(h.memory()).toEqual(['silent', 'answered 20', 'answered 30']);
    // The kernel is asked to ask, until the silence is settled.
    expect(only(h.last, 'unremember')).toHaveLength(1);
    expect(h.inKernel).toBe(0);
  });

  it('when it answers after all, it was no rescue', () => {
    const h = gateway();
    h.connection(39_000, [10, 20, 30], { service: 1 });
    const effects = h.connection(40_000, [12, 20, 30], { service: 1, tried: 1 });
    expect(wordsOf(effects)).toContain('commit 1');
    expect(h.engine.latestDecisions(1)).toMatchObject([{ route: 1, reason: 'first-reply' }]);
    expect(h.engine.counters.rescues[1]).toBe(0);
    // What is answered so soon after the repeat is that: the first SYN was lost.
    // What it has taken before is all that is known.
    expect(h.memory()).toEqual(['answered 10', 'answered 20', 'answered 30']);
  });

  it('when it answers later than another one, it is slow but not silent', () => {
    const h = gateway();
    h.connection(40_000, [300, 20, 30], { service: 1, tried: 1 });
    expect(h.memory()).toEqual(['slow', 'answered 20', 'answered 30']);
    for (let i = 0; i < 5; i++) h.connection(40_001 + i, [300, 20, 30], { service: 1, tried: 1 });
    expect(h.health()).toEqual(['up', 'up', 'up']);
  });

  it('the second repeat belongs to the race', () => {
    const h = gateway();
    h.setup({ service: 1, tried: 1 });
    h.pass(1000);
    h.setup({ service: 1, tried: 1 });
    expect(h.words).toEqual(['attempt 2', 'attempt 3', 'pass']);
    // Its flow is not in the table any more: a copy with the same ends takes its place.
    h.pass(1000);
    h.setup({ service: 1 });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'drop']);
  });

  it('a repeat that the kernel has decided by itself while the race ran belongs to the race, and goes on', () => {
    const h = gateway();
    const [{ race }] = h.setup({ service: 1 });
    h.pass(1000);
    // The kernel's map knew the destination by then, and sent the repeat by route 1. Now the next one.
    h.setup({ service: 1, tried: 1 });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'pass']);
    h.answer(2);
    expect(h.last).toContainEqual({ kind: 'commit', race, route: 2 });
  });

  it.each([
    ['there is no other', routes(2, ({ number }) => ({ usable: { 4: number === 1, 6: false } }))],
    [
      'the others take nothing new',
      routes(2, ({ number }) => ({ admin: number === 1 ? 'enabled' : 'draining' })),
    ],
    ['there is none at all', routes(2, () => ({ usable: { 4: false, 6: false } }))],
  ] as const)('%s: the SYN goes on by its route', (_, table) => {
    const h = gateway(2, {}, table.slice());
    h.setup({ service: 1, tried: 1 });
    expect(h.words).toEqual(['pass']);
  });

  it('also when a bound forbids the race, and when the SYN may not be copied', () => {
    const h = new Harness(2, { racesPerClient: 0 });
    h.setServices([serviceOver([1, 2])]);
    h.setup({ service: 1, tried: 1 });
    expect(h.words).toEqual(['pass']);
    const other = gateway(2);
    other.setup({ service: 1, tried: 1, options: [30, 12, 0x10, 1, 1, 2, 3, 4, 5, 6, 7, 8] });
    expect(other.words).toEqual(['pass']);
  });

  it('is rescued whatever has chosen it', () => {
    const h = gateway(2, { criterion: 'round-robin' });
    h.setup({ service: 1, tried: 2 });
    expect(h.words).toEqual(['attempt 1', 'pass']);
    h.answer(1);
    expect(h.engine.latestDecisions(1)).toMatchObject([{ route: 1, reason: 'rescued', service: 1 }]);
  });
});

describe('silence', () => {
  it('three rescues make a route suspect, and the kernel asks about it; nobody else is', () => {
    const h = gateway();
    const generation = h.engine.openGeneration(1, 4);
    expect(generation).toBeGreaterThan(0);
    const effects = [rescue(h, 1, 2), rescue(h, 1, 3), rescue(h, 1, 2)];
    expect(effects.map((each) => only(each, 'route-changed').length)).toEqual([0, 0, 1]);
    expect(only(effects[2], 'route-changed')).toEqual([
      { kind: 'route-changed', route: 1, reason: 'rescued' },
    ]);
    expect(h.health()).toEqual(['suspect', 'up', 'up']);
    expect(h.engine.openGeneration(1, 4)).toBe(0);
    expect(h.engine.health.generationOf(1, 4)).toBe(generation);
  });

  it('any answer in between starts the count anew', () => {
    const h = gateway();
    for (let i = 0; i < 5; i++) {
      rescue(h, 1, 2, 1);
      rescue(h, 1, 2, 2);
      answers(h);
    }
    expect(h.health()).toEqual(['up', 'up', 'up']);
  });

  it('silences far apart do not add up', () => {
    const h = gateway();
    for (let i = 0; i < 10; i++) {
      silence(h, 1, i);
      h.pass(40_000);
    }
    expect(h.health()).toEqual(['up', 'up', 'up']);
  });

  it('of losers counts too; six, of three destinations, over three seconds: down, and what was kept is void', () => {
    const h = gateway();
    h.connection(39_000, [10, 20, 30], { service: 1, destination: server(50) });
    const generation = h.engine.openGeneration(1, 4);
    const changes: Effect[] = [];
    for (let i = 0; i < 6; i++) changes.push(...only(silence(h, 1, i % 3), 'route-changed'));
    expect(changes.map(({ reason }) => reason)).toEqual(['silent', 'silent']);
    expect(h.health()).toEqual(['down', 'up', 'up']);
    expect(h.engine.openGeneration(1, 4)).toBe(0);
    expect(h.engine.health.generationOf(1, 4)).not.toBe(generation);
    expect(h.memory(server(50))[1]).toBe('answered 20');
    h.setup({ service: 1, destination: server(50), client: { ...CLIENT, port: 39_001 } });
    // By memory of the others; route 1 is only on trial.
    expect(h.words).toEqual(['attempt 2', 'attempt 1', 'drop']);
    expect(h.engine.races.trials[h.last.find(({ kind }) => kind === 'attempt')!.race!]).toBe(0b10);
  });

  it('of two destinations only makes it suspect, however often', () => {
    const h = gateway();
    for (let i = 0; i < 12; i++) silence(h, 1, i % 2);
    expect(h.health()).toEqual(['suspect', 'up', 'up']);
  });

  it('of many destinations at one moment only makes it suspect', () => {
    const h = gateway();
    for (let i = 0; i < 12; i++) {
      h.connection(nextPort++, [null, 0, 0], { service: 1, destination: server(i) });
    }
    h.pass(3000);
    expect(h.health()).toEqual(['suspect', 'up', 'up']);
  });

  it('of a server that nobody reaches says nothing', () => {
    const h = gateway();
    for (let i = 0; i < 12; i++) {
      h.connection(nextPort++, [null, null, null], { service: 1, destination: server(i) });
      h.pass(6000);
    }
    expect(h.health()).toEqual(['up', 'up', 'up']);
  });

  it('of one family says nothing about the other', () => {
    const h = gateway(2);
    h.connection(39_000, [10, 20], { service: 1 });
    for (let i = 0; i < 6; i++) {
      h.connection(nextPort++, [null, 10], {
        service: 1,
        client: words('fd00::2'),
        destination: { address: words(`2001:db8:${i}::1`), port: 443 + (i % 2) },
      });
      h.pass(4500);
    }
    expect(h.health(6)).toEqual(['down', 'up']);
    expect(h.health(4)).toEqual(['up', 'up']);
    expect(h.engine.openGeneration(1, 4)).toBeGreaterThan(0);
    // What was measured of the other family stays, here and in the kernel.
    expect(h.memory()).toEqual(['answered 10', 'answered 20']);
    expect(h.inKernel).toBe(5);
  });
});

describe('the way back', () => {
  it('from suspect: three answers without a silence between them', () => {
    const h = gateway();
    for (let i = 0; i < 3; i++) silence(h, 1, i);
    expect(h.health()[0]).toBe('suspect');
    answers(h, 2);
    silence(h, 1, 9);
    answers(h, 2);
    expect(h.health()[0]).toBe('suspect');
    answers(h);
    expect(h.health()[0]).toBe('up');
    expect(only(h.all, 'route-changed').at(-1)).toMatchObject({ route: 1, reason: 'answered' });
    expect(h.engine.openGeneration(1, 4)).toBeGreaterThan(0);
  });

  it('a suspect route races and may win', () => {
    const h = gateway();
    for (let i = 0; i < 3; i++) silence(h, 1, i);
    h.setup({ service: 1, destination: server(60) });
    h.answer(1, { from: server(60), to: { address: words('203.0.1.2'), port: CLIENT.port } });
    expect(h.words).toContain('commit 1');
  });

  it('from down: a trial that is answered, two proofs more, and a second', () => {
    const h = gateway();
    kill(h);
    h.pass(500);
    const old = h.engine.health.generationOf(1, 4);
    h.setup({ service: 1, destination: server(60), client: { ...CLIENT, port: 50_000 } });
    expect(h.words).toEqual(['attempt 2', 'attempt 3', 'attempt 1', 'drop']);
    const to = { address: words('203.0.1.2'), port: 50_000 };
    h.answer(1, { from: server(60), to });
    // It was the first to answer, and does not win; it is told when another one has.
    expect(h.last).toMatchObject([{ kind: 'route-changed', route: 1, reason: 'returned' }, { kind: 'drop' }]);
    expect(h.health()[0]).toBe('suspect');
    h.answer(2, { from: server(60), to: { ...to, address: words('203.0.2.2') } });
    expect(only(h.last, 'cancel')).toMatchObject([{ route: 1, sequence: ISN + 1 }]);
    expect(h.words).toEqual(['cancel 1', 'commit 2']);
    expect(h.memory(server(60)).slice(0, 2)).toEqual(['answered 0', 'answered 0']);
    answers(h, 5);
    expect(h.health()[0]).toBe('suspect');
    h.pass(1000);
    answers(h);
    expect(h.health()[0]).toBe('up');
    expect(h.engine.openGeneration(1, 4)).toBe(old);
  });

  it('trials are two a second, and never the only copy', () => {
    const h = gateway();
    kill(h);
    h.pass(10_000);
    let trials = 0;
    for (let i = 0; i < 100; i++) {
      h.setup({ service: 1, destination: server(i), client: { ...CLIENT, port: nextPort++ } });
      const asked = only(h.last, 'attempt').map(({ route }) => route);
      expect(asked.slice(0, 2)).toEqual([2, 3]);
      trials += asked.length - 2;
      h.pass(100);
    }
    expect(trials).toBe(20);
  });

  it('a criterion tries a route that is not up with a connection that another route carries', () => {
    const h = gateway(3, { criterion: 'priority' });
    const silentOnce = (): void => {
      h.connection(nextPort++, [null, 10, 10], {
        service: 1,
        tried: 1,
        destination: server(nextHost++ % 250),
      });
      h.pass(4500);
    };
    for (let i = 0; i < 3; i++) silentOnce();
    expect(h.health()[0]).toBe('suspect');
    h.setup({ service: 1, client: { ...CLIENT, port: 50_000 } });
    expect(h.words).toEqual(['attempt 2', 'attempt 1', 'drop']);
    h.answer(1, { to: { address: words('203.0.1.2'), port: 50_000 } });
    expect(h.words).toEqual(['drop']);
    h.answer(2, { to: { address: words('203.0.2.2'), port: 50_000 } });
    expect(h.words).toEqual(['cancel 1', 'commit 2']);
    h.setup({ service: 1, client: { ...CLIENT, port: 50_001 } });
    expect(h.last).toMatchObject([{ kind: 'release', route: 2, reason: 'criterion' }]);
  });

  it('when only the route on trial answers, the repeat of the SYN asks it for its answer again, which wins', () => {
    const h = gateway(2);
    for (let i = 0; i < 6; i++) silence(h, 1, i % 3);
    h.pass(500);
    h.setup({ service: 1 });
    expect(h.words).toEqual(['attempt 2', 'attempt 1', 'drop']);
    h.answer(1);
    // A reset would meet the repeat at the server, or its answer here.
    expect(h.words).toEqual(['drop']);
    h.pass(1000);
    h.setup({ service: 1 });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'drop']);
    h.answer(1);
    expect(h.words).toEqual(['commit 1']);
  });

  it.each(['before', 'after'])(
    'when the other has failed %s the route on trial has answered, that is asked again at once, and wins',
    (order) => {
      const h = gateway(2);
      for (let i = 0; i < 6; i++) silence(h, 1, i % 3);
      h.pass(500);
      h.setup({ service: 1 });
      expect(h.words).toEqual(['attempt 2', 'attempt 1', 'drop']);
      if (order === 'after') h.answer(1);
      h.icmp(2, 3, 1);
      if (order === 'before') {
        expect(h.words).toEqual(['drop']);
        h.answer(1);
      }
      expect(h.words).toEqual(['attempt 1', 'drop']);
      h.answer(1);
      expect(h.words).toEqual(['commit 1']);
    },
  );

  it('a route that is down joins when the client has waited in vain, and may win', () => {
    const h = gateway();
    kill(h);
    h.pass(500);
    h.setup({ service: 1, client: { ...CLIENT, port: 50_000 } });
    h.setup({ service: 1, client: { ...CLIENT, port: 50_001 } });
    expect(h.words).toEqual(['attempt 2', 'attempt 3', 'drop']);
    h.pass(1000);
    h.setup({ service: 1, client: { ...CLIENT, port: 50_001 } });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'drop']);
    h.answer(1, { to: { address: words('203.0.1.2'), port: 50_001 } });
    expect(h.words).toEqual(['commit 1']);
    h.setup({ service: 1, tried: 2, client: { ...CLIENT, port: 50_002 }, destination: server(80) });
    expect(h.words).toEqual(['attempt 1', 'attempt 3', 'pass']);
  });

  it('when all are down, all are asked, and a criterion still has its choice', () => {
    for (const criterion of ['race', 'priority'] as const) {
      const h = gateway(
        2,
        { criterion },
        routes(2, () => ({ checkFails: 1 })),
      );
      for (const route of [1, 2]) h.checked(route, false);
      expect(h.health()).toEqual(['down', 'down']);
      h.setup({ service: 1 });
      if (criterion === 'race') expect(h.words).toEqual(['attempt 1', 'attempt 2', 'drop']);
      else expect(h.last).toMatchObject([{ kind: 'release', route: 1, reason: 'criterion' }]);
    }
  });
});

describe('the link of a route', () => {
  it('down is down at once, void, and back as a suspect that needs three answers and a second', () => {
    const h = gateway(2);
    h.connection(39_000, [10, 20], { service: 1 });
    const before = h.engine.openGeneration(1, 4);
    expect(h.setRoutes(link(2, 1))).toEqual([
      { kind: 'route-changed', route: 1, reason: 'link' },
      { kind: 'route-changed', route: 1, reason: 'link' },
    ]);
    expect(h.engine.openGeneration(1, 4)).toBe(0);
    expect(h.setRoutes(link(2)).map(({ reason }) => reason)).toEqual(['returned', 'returned']);
    expect(h.health()).toEqual(['suspect', 'up']);
    answers(h, 5);
    expect(h.health()).toEqual(['suspect', 'up']);
    h.pass(1000);
    answers(h);
    expect(h.health()).toEqual(['up', 'up']);
    expect(h.engine.openGeneration(1, 4)).not.toBe(before);
    expect(h.engine.openGeneration(1, 4)).toBeGreaterThan(0);
    // It must be raced again.
    h.setup({ service: 1 });
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'drop']);
  });

  it('told again without a change is no change', () => {
    const h = gateway(2);
    expect(h.setRoutes(routes(2))).toEqual([]);
    h.setRoutes(link(2, 1));
    expect(h.setRoutes(link(2, 1))).toEqual([]);
  });

  it('each return within ten minutes doubles the time that it has to hold, to a minute', () => {
    const h = gateway(2);
    const holds: number[] = [];
    for (let i = 0; i < 8; i++) {
      h.setRoutes(link(2, 1));
      h.setRoutes(link(2));
      let held = 0;
      while (h.health()[0] !== 'up') {
        answers(h);
        h.pass(89);
        held += 100;
      }
      holds.push(Math.round(held / 1000));
    }
    expect(holds).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    h.pass(700_000);
    h.setRoutes(link(2, 1));
    h.setRoutes(link(2));
    h.pass(1001);
    answers(h, 3);
    expect(h.health()[0]).toBe('up');
  });

  it('at the start a route is up; one that comes later must prove itself', () => {
    const h = gateway(2, {}, link(2, 1));
    expect(h.health()).toEqual(['down', 'up']);
    h.setRoutes(link(2));
    expect(h.health()).toEqual(['suspect', 'up']);
  });
});

describe('checks of a route', () => {
  const checking = (count: number, fails: number): EngineRoute[] =>
    routes(count, () => ({ checkFails: fails }));

  it('of a route that does not exist says nothing', () => {
    const h = new Harness();
    for (const route of [0, 4, 99])
      for (const answered of [true, false]) expect(h.checked(route, answered)).toEqual([]);
  });

  it('so many rounds in a row without an answer: down; without a bound nothing', () => {
    const h = gateway(2, {}, checking(2, 3));
    for (let i = 0; i < 2; i++) expect(h.checked(1, false)).toEqual([]);
    h.checked(1, true);
    for (let i = 0; i < 2; i++) expect(h.checked(1, false)).toEqual([]);
    expect(h.checked(1, false)).toEqual([{ kind: 'route-changed', route: 1, reason: 'checks-failed' }]);
    expect(h.health()).toEqual(['down', 'up']);
    for (let i = 0; i < 10; i++) expect(h.checked(1, false)).toEqual([]);
    const none = gateway(2);
    for (let i = 0; i < 10; i++) expect(none.checked(1, false)).toEqual([]);
  });

  it('traffic that is answered counts as a check that is', () => {
    const h = gateway(2, {}, checking(2, 3));
    for (let i = 0; i < 10; i++) {
      h.checked(1, false);
      h.checked(1, false);
      answers(h);
    }
    expect(h.health()).toEqual(['up', 'up']);
  });

  it('answers bring it back as any other answer does', () => {
    const h = gateway(2, {}, checking(2, 1));
    h.checked(1, false);
    expect(h.checked(1, true).map(({ reason }) => reason)).toEqual(['returned']);
    h.checked(1, true);
    h.checked(1, true);
    expect(h.health()[0]).toBe('suspect');
    h.pass(1000);
    expect(h.checked(1, true).map(({ reason }) => reason)).toEqual(['answered']);
    expect(h.health()[0]).toBe('up');
  });

  it('of one family say nothing about the other; of a route whose link is down, nothing at all', () => {
    const h = gateway(2, {}, checking(2, 1));
    h.checked(1, false, 6);
    expect([h.health(4)[0], h.health(6)[0]]).toEqual(['up', 'down']);
    h.setRoutes(link(2, 2));
    h.checked(2, true);
    expect(h.health()[1]).toBe('down');
  });
});
