/** `win: first-payload` in the engine: what is said to whom until the first payload has decided. */
import { describe, expect, it } from 'vitest';
import { TIMES } from '../../src/core/memory/times.js';
import { VERDICT_NAMES } from '../../src/core/memory/verdicts.js';
import { MAX_FIRST_WORDS, MOST_OPENINGS } from '../../src/core/payload/openings.js';
import { FLAG } from '../../src/wire/packet.js';
import { type Effect, ISN, SERVER, VERDICTS } from '../sim/engine-harness.js';
import { OpeningHarness, REQUEST } from '../sim/opening-harness.js';

const { ACK, FIN, RST } = FLAG;
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx';
const verdictOf = (effects: readonly Effect[]) =>
  effects.findLast(({ kind }) => VERDICTS.includes(kind))?.kind;
const decision = (h: OpeningHarness) => h.engine.latestDecisions(1)[0];

/** The client was shown route 1's answer, and all are open. */
function opened(): OpeningHarness {
  const h = new OpeningHarness();
  h.begins();
  h.pass(10);
  h.accepts(1);
  h.shakesHands();
  h.accepts(2);
  h.accepts(3);
  return h;
}

describe('the client’s words', () => {
  it('go to every server once they are whole, in whatever pieces they come', () => {
    const h = opened();
    for (let at = 0; at < REQUEST.length; at += 5) h.client(REQUEST.slice(at, at + 5), at);
    expect(h.servers.map(({ words }) => words)).toEqual([REQUEST, REQUEST, REQUEST]);
    h.says(3, 'ok');
    expect(h.carrier).toBe(3);
    expect(h.servers.map(({ state }) => state)).toEqual(['reset', 'reset', 'open']);
  });

  it('go to the one that was shown alone as long as more is to come', () => {
    const h = opened();
    h.client(REQUEST.slice(0, 9));
    expect(h.servers.map(({ words }) => words)).toEqual([REQUEST.slice(0, 9), '', '']);
  });

  it('reach a server that answers later', () => {
    const h = new OpeningHarness();
    h.begins();
    h.accepts(2);
    h.shakesHands();
    h.client(REQUEST);
    expect(h.servers.map(({ words }) => words)).toEqual(['', REQUEST, '']);
    h.accepts(1);
    expect(h.servers[0].words).toBe(REQUEST);
    h.says(1, 'ok');
    expect(h.carrier).toBe(1);
  });

  it.each([
    ['that must not be said twice', POST],
    ['of a protocol that is not known', '\x00\x01\x02\x03\x04\x05\x06\x07'],
    ['with a second request behind', REQUEST + REQUEST],
  ])('%s go by the first reply', (_, words) => {
    const h = opened();
    expect(verdictOf(h.client(words))).toBe('pass');
    expect(decision(h)).toMatchObject({ route: 1, reason: 'payload-not-safe' });
    expect(h.servers.map(({ words: taken, state }) => [taken, state])).toEqual([
      [words, 'open'],
      ['', 'reset'],
      ['', 'reset'],
    ]);
    expect(h.released).toBe(1);
  });

  it('that are too long go by the first reply', () => {
    const h = opened();
    const head = `GET / HTTP/1.1\r\nX: ${'x'.repeat(1000)}`;
    let at = 0;
    while (at <= MAX_FIRST_WORDS && decision(h) === undefined) {
      h.client(at === 0 ? head : 'x'.repeat(head.length), at);
      at += head.length;
    }
    expect(decision(h)).toMatchObject({ route: 1, reason: 'payload-too-long' });
    expect(at).toBeGreaterThan(MAX_FIRST_WORDS);
  });

  it('that go on before an answer go by the first reply', () => {
    const h = opened();
    h.client(REQUEST);
    h.client('more', REQUEST.length);
    expect(decision(h)).toMatchObject({ route: 1, reason: 'client-goes-on' });
    expect(h.servers.map(({ state }) => state)).toEqual(['open', 'reset', 'reset']);
  });

  it('that come out of order are waited for', () => {
    const h = opened();
    h.client(REQUEST.slice(10), 10);
    expect(h.servers[1].words).toBe('');
    h.client(REQUEST);
    expect(h.servers.map(({ words }) => words)).toEqual([REQUEST, REQUEST, REQUEST]);
  });

  it('are said again to who has not acknowledged them when the client repeats them, and to nobody else', () => {
    const h = opened();
    h.client(REQUEST);
    h.servers[1].words = '';
    h.acknowledges(3);
    h.client(REQUEST);
    expect(h.servers.map(({ words }) => words)).toEqual([REQUEST, REQUEST, REQUEST]);
    h.says(2, 'ok');
    expect(h.servers.map(({ state, wrong }) => [state, wrong])).toEqual([
      ['reset', []],
      ['open', []],
      ['reset', []],
    ]);
  });
});

describe('what the client hears', () => {
  it('of its server’s acknowledgement only when all have as much', () => {
    const h = opened();
    h.client(REQUEST);
    expect(verdictOf(h.acknowledges(1))).toBe('drop');
    h.acknowledges(2);
    h.acknowledges(3);
    expect(verdictOf(h.acknowledges(1))).toBe('pass');
  });

  it('of no other server before its payload', () => {
    const h = opened();
    h.client(REQUEST);
    expect([verdictOf(h.acknowledges(2)), verdictOf(h.accepts(3))]).toEqual(['drop', 'drop']);
    expect(verdictOf(h.says(2, 'ok'))).toBe('commit');
  });

  it('of all that the winner says in one batch, behind its first', () => {
    const h = opened();
    h.client(REQUEST);
    h.commitResult = null;
    const race = h.raceOf();
    expect(verdictOf(h.says(2, 'one'))).toBe('commit');
    expect(verdictOf(h.says(2, 'two', 3))).toBe('pass');
    h.committed(race, true);
    expect(decision(h)).toMatchObject({ route: 2, reason: 'first-payload' });
  });

  it('a reset when the flow cannot be bound anew', () => {
    const h = opened();
    h.client(REQUEST);
    h.commitResult = false;
    h.says(2, 'one');
    expect(h.clientReset).toBe(h.servers[0].isn + 1);
    expect(h.servers.map(({ state }) => state)).toEqual(['reset', 'reset', 'reset']);
    expect(h.engine.races.active).toBe(0);
  });
});

describe('a server that speaks first', () => {
  it('wins although nobody has expected it', () => {
    const h = opened();
    h.says(2, '220 hello');
    expect([h.carrier, decision(h).reason]).toEqual([2, 'first-payload']);
  });

  it('is awaited where it is expected', () => {
    const h = new OpeningHarness(3, { serverFirst: [{ from: SERVER.port, to: SERVER.port }] });
    h.begins();
    h.accepts(1);
    h.shakesHands();
    h.accepts(2);
    h.pass(20_000);
    h.says(2, '220 hello');
    expect([h.carrier, decision(h).reason]).toEqual([2, 'first-payload']);
  });

  it('is the one that was shown when client and servers are silent', () => {
    const h = opened();
    h.pass(3100);
    expect(decision(h)).toMatchObject({ route: 1, reason: 'no-payload' });
    expect(h.servers.map(({ state }) => state)).toEqual(['open', 'reset', 'reset']);
  });
});

describe('a client that ends', () => {
  it.each([
    ['FIN', FIN | ACK],
    ['RST', RST],
  ])('by %s goes by the first reply', (_, flags) => {
    const h = opened();
    h.client(REQUEST);
    expect(verdictOf(h.client('', REQUEST.length, flags))).toBe('pass');
    expect(decision(h)).toMatchObject({ route: 1, reason: 'client-has-ended' });
    expect(h.servers.slice(1).map(({ state }) => state)).toEqual(['reset', 'reset']);
  });

  it('and begins anew on the same port: every server is told', () => {
    const h = opened();
    h.client(REQUEST);
    h.setup({ service: 1, isn: ISN + 100_000 });
    expect(h.servers.slice(1).map(({ state }) => state)).toEqual(['reset', 'reset']);
  });
});

describe('servers that end', () => {
  it('by FIN alone: the one that was shown carries it when all have', () => {
    const h = opened();
    h.client(REQUEST);
    expect(verdictOf(h.ends(1))).toBe('drop');
    h.ends(2);
    expect(decision(h)).toBeUndefined();
    h.ends(3);
    expect(decision(h)).toMatchObject({ route: 1, reason: 'others-out' });
    expect(h.clientReset).toBe(null);
    // It sends it again.
    expect(verdictOf(h.ends(1))).toBe('pass');
  });

  it('a reset with another number than is expected is none', () => {
    const h = opened();
    h.client(REQUEST);
    for (const route of [2, 3]) {
      h.servers[route - 1].isn += 77;
      h.resets(route);
    }
    expect(decision(h)).toBeUndefined();
  });
});

describe('who is not asked twice', () => {
  it('a race of one, a rescue, and a service that goes by the first reply', () => {
    const one = new OpeningHarness(1);
    one.begins();
    expect(one.bound).toEqual([]);
    const plain = new OpeningHarness(3, { win: 'first-reply' });
    plain.begins();
    plain.accepts(2);
    expect([plain.carrier, decision(plain).reason]).toEqual([2, 'first-reply']);
    const rescue = new OpeningHarness();
    rescue.setup({ service: 1, tried: 1 });
    rescue.accepts(2);
    expect(decision(rescue)).toMatchObject({ route: 2, reason: 'rescued' });
  });

  it('more than there is room for go by the first reply', () => {
    const h = new OpeningHarness();
    for (let port = 0; port <= MOST_OPENINGS; port++)
      h.setup({
        service: 1,
        client: { address: h.engine.routes[0].addresses[4].slice(0, 4), port: 1024 + port },
        host: port + 1,
      });
    const { openings, races } = h.engine.shard;
    const count = Array.from({ length: races.slots }, (_, race) => openings.has(race)).filter(Boolean).length;
    expect(count).toBeLessThanOrEqual(MOST_OPENINGS);
    expect(races.active).toBeGreaterThan(0);
  });
});

describe('what is remembered', () => {
  it('the winner’s time, without the client’s own; the others at least as long; what was intercepted', () => {
    const h = new OpeningHarness();
    h.begins();
    h.pass(1);
    h.accepts(1);
    h.shakesHands();
    h.pass(19);
    h.accepts(2);
    h.pass(20);
    h.accepts(3);
    h.pass(1000);
    h.client(REQUEST);
    h.pass(25);
    h.says(2, 'ok');
    const { memory } = h.engine;
    const slot = memory.find(SERVER.address, 0, TIMES.PAYLOAD);
    const said = [0, 1, 2].map((i) => [
      VERDICT_NAMES[memory.verdicts.kind[slot * 3 + i]],
      memory.rttOf(slot, i + 1),
    ]);
    expect(said).toEqual([
      ['intercepted', -1],
      ['answered', 45_000],
      ['answered', 65_000],
    ]);
    expect(decision(h).answers.map(({ isIntercepted }) => isIntercepted)).toEqual([true, false, false]);
    // The kernel goes by it, in a memory of its own.
    expect(h.all.filter(({ kind }) => kind === 'remember').map(({ route, mask }) => [route, mask])).toEqual([
      [2, 0b1111],
    ]);
  });
});

describe('what comes when the race is over', () => {
  it('goes to the client where it is of its flow, and is told that nobody listens where it is not', () => {
    const h = opened();
    h.client(REQUEST);
    h.says(2, 'ok');
    h.pass(10_000);
    expect(h.engine.races.active).toBe(0);
    expect(h.says(2, 'more', 2).map(({ kind }) => kind)).toEqual(['pass']);
    h.isCarried = false;
    expect(h.says(3, 'late').map(({ kind }) => kind)).toEqual(['refuse', 'drop']);
    expect(h.resets(3).map(({ kind }) => kind)).toEqual(['drop']);
  });
});

it('a further packet of a flow that nobody races goes on for good', () => {
  const h = new OpeningHarness();
  expect(h.client(REQUEST).at(-1)?.kind).toBe('pass');
});
