import { describe, expect, it } from 'vitest';
import { mtuOf } from '../../src/core/site.js';
import { FLAG } from '../../src/wire/packet.js';
import {
  CLIENT,
  Harness,
  ISN,
  RST_ACK,
  routes,
  SERVER,
  SERVER_ISN,
  SYN_ACK,
  words,
} from '../sim/engine-harness.js';

function decided(count = 3): Harness {
  const h = new Harness(count);
  h.setup();
  h.now = 20_000;
  h.answer(1);
  h.now = 30_000;
  return h;
}

const SERVER6 = { address: words('2001:db8:100::1'), port: 443 };

describe('SYN+ACK', () => {
  it('the first wins; the entry is asked for before the packet goes on, and nothing else happens to it', () => {
    const h = new Harness();
    h.setup();
    h.answer(2);
    expect(h.words).toEqual(['commit 2']);
  });

  it('a late one is reset with SEQ = its ACK and never shown to the client', () => {
    const h = decided();
    h.answer(2);
    expect(h.last).toMatchObject([{ kind: 'cancel', route: 2, sequence: ISN + 1 }, { kind: 'drop' }]);
  });

  it('a repeat of the winner goes on to the kernel, which knows the flow', () => {
    const h = decided();
    h.answer(1);
    expect(h.words).toEqual(['pass']);
  });

  it('with a wrong ACK gets the reset that a client in SYN-SENT would send, and wins nothing', () => {
    const h = new Harness();
    h.setup();
    h.answer(2, { acknowledgement: ISN + 500 });
    expect(h.last).toMatchObject([{ kind: 'cancel', route: 2, sequence: ISN + 500 }, { kind: 'drop' }]);
    h.answer(2);
    expect(h.words).toEqual(['commit 2']);
  });

  it('by the interface of another route than its copy is not its answer', () => {
    const h = new Harness();
    h.setup();
    h.answer(2, { to: { address: words('203.0.1.2'), port: CLIENT.port } });
    expect(h.words).toEqual(['pass']);
    expect(h.engine.counters.decided).toBe(0);
  });

  it('of another server or to another port is not its answer', () => {
    const h = new Harness();
    h.setup();
    h.answer(1, { from: { address: words('198.51.100.2'), port: 443 } });
    expect(h.words).toEqual(['pass']);
    h.answer(1, { from: { address: SERVER.address, port: 444 } });
    expect(h.words).toEqual(['pass']);
    h.answer(1, { to: { address: words('203.0.1.2'), port: CLIENT.port + 1 } });
    expect(h.words).toEqual(['pass']);
  });

  it('of no race, which conntrack does not know either, is refused', () => {
    const h = new Harness();
    h.answer(1, { known: false });
    expect(h.words).toEqual(['refuse', 'drop']);
  });

  it('wins although its route said no before', () => {
    const h = new Harness();
    h.setup();
    h.icmp(2, 3, 1);
    h.answer(2);
    expect(h.words).toEqual(['commit 2']);
  });

  it('of a loser that comes while the kernel is asked is reset', () => {
    const h = new Harness();
    h.commitResult = null;
    const [{ race }] = h.setup();
    h.answer(1);
    h.answer(2);
    expect(h.words).toEqual(['cancel 2', 'drop']);
    h.committed(race!, true);
    h.answer(3);
    expect(h.words).toEqual(['cancel 3', 'drop']);
    expect(h.engine.races.active).toBe(0);
  });
});

describe('commit refused', () => {
  it('resets the winner, ends the race, and the repeat takes another port', () => {
    const h = new Harness();
    h.commitResult = false;
    const [{ race }] = h.setup();
    const before = h.engine.races.natPort[race!];
    h.answer(1);
    expect(h.words).toEqual(['commit 1', 'cancel 1']);
    expect(h.engine.races.active).toBe(0);
    h.commitResult = true;
    h.pass(1000);
    const again = h.setup().find(({ kind }) => kind === 'attempt')!.race!;
    expect(h.engine.races.natPort[again]).not.toBe(before);
    expect(h.engine.races.natPort[again] & 1).toBe(before & 1);
  });
});

describe('error and silence', () => {
  it('after them the repeat takes another port, as an answer to what was reset may be on its way', () => {
    const h = new Harness(2);
    const [{ race }] = h.setup();
    const before = h.engine.races.natPort[race!];
    h.icmp(1, 3, 1);
    h.pass(3000);
    expect(h.words).toEqual(['cancel 2', 'reject 1']);
    const again = h.setup().find(({ kind }) => kind === 'attempt')!.race!;
    expect(h.engine.races.natPort[again]).not.toBe(before);
    h.answer(2, { to: { address: words('203.0.2.2'), port: before }, known: false });
    expect(h.words).toEqual(['refuse', 'drop']);
  });
});

describe('RST', () => {
  it('without ACK, or with a wrong one, says nothing (RFC 9293 3.10.7.3)', () => {
    const h = new Harness();
    h.setup();
    h.answer(1, { flags: FLAG.RST, acknowledgement: 0, known: false });
    expect(h.words).toEqual(['drop']);
    h.answer(1, { flags: RST_ACK, acknowledgement: ISN, known: false });
    expect(h.words).toEqual(['drop']);
    expect(h.ignored('rst-not-acceptable')).toBe(2);
    expect(h.pass(4000).filter(({ kind }) => kind === 'reject')).toEqual([]);
  });

  it('an ICMP error after it does not replace it, it replaces an ICMP error', () => {
    const h = new Harness(2);
    const [{ race }] = h.setup();
    h.answer(1, { flags: RST_ACK, sequence: 0, known: false });
    h.icmp(1, 3, 1);
    h.icmp(2, 3, 13);
    expect(h.words).toEqual(['reject 1', 'drop']);
    expect(race).toBe(0);
  });

  it('of the winner belongs to the kernel', () => {
    const h = decided();
    h.answer(1, { flags: FLAG.RST, acknowledgement: 0, sequence: SERVER_ISN + 1, known: false });
    expect(h.words).toEqual(['pass']);
  });
});

describe('ICMP errors', () => {
  it.each([
    ['a wrong sequence number', { isn: ISN + 1 }, ['drop']],
    ['a wrong source port', { source: { address: words('203.0.1.2'), port: 40_001 } }, ['pass']],
    ['a wrong source address', { source: { address: words('203.0.1.3'), port: 40_000 } }, ['pass']],
    ['a wrong destination', { destination: { address: words('198.51.100.9'), port: 443 } }, ['pass']],
    ["another route's copy", { source: { address: words('203.0.2.2'), port: 40_000 } }, ['pass']],
  ])('quoting %s are not believed', (_, quote, effects) => {
    const h = new Harness(2);
    h.setup();
    h.icmp(1, 3, 3, quote);
    expect(h.words).toEqual(effects);
    h.icmp(2, 3, 3);
    expect(h.words).toEqual(['drop']);
  });

  it.each([
    ['ICMP 3/4', 4],
    ['ICMPv6 Packet Too Big', 6],
  ] as const)('%s is not negative, and says nothing: no copy is larger than any path takes', (_, family) => {
    const h = new Harness(2);
    const six = { client: { address: words('fd00::2'), port: 40_000 }, destination: SERVER6 };
    const [{ race }] = h.setup(family === 6 ? six : {});
    const { destination = SERVER } = family === 6 ? six : {};
    for (const mtu of [1400, 1280, 552, 68, 40, 1]) {
      if (family === 6) h.icmp(1, 2, 0, { destination, mtu });
      else h.icmp(1, 3, 4, { destination, mtu });
      expect(h.words).toEqual(['drop']);
      expect(mtuOf(h.engine.site, h.engine.races, race!, 1)).toBe(1500);
    }
    h.icmp(2, family === 6 ? 1 : 3, family === 6 ? 3 : 1, { destination });
    expect(h.words).toEqual(['drop']);
  });

  it('of one route: the one that says more is kept, whatever the order', () => {
    const h = new Harness(2);
    const [{ race }] = h.setup();
    h.icmp(1, 3, 3);
    h.icmp(1, 11, 0);
    h.icmp(2, 3, 13);
    expect(h.words).toEqual(['reject 1', 'drop']);
    expect(h.engine.races.attemptEvidence[h.engine.races.attempt(race!, 1)]).toBe(3 * 256 + 3);
  });
});

describe('challenge ACK (RFC 5961)', () => {
  const challenge = { flags: FLAG.ACK, acknowledgement: 999, sequence: 77, known: false };

  it('is answered with SEQ = its ACK, and the SYN goes out again at once', () => {
    const h = new Harness();
    h.setup();
    h.answer(2, challenge);
    expect(h.last).toMatchObject([
      { kind: 'cancel', route: 2, sequence: 999 },
      { kind: 'attempt', route: 2 },
      { kind: 'drop' },
    ]);
  });

  it('a path that answers everything with an ACK is left alone after a few', () => {
    const h = new Harness();
    h.setup();
    for (let i = 0; i < 100; i++) h.answer(2, challenge);
    expect(h.all.filter(({ kind }) => kind === 'cancel').length).toBeLessThanOrEqual(8);
  });

  it('of a loser after the decision is answered once, then never (RFC 5961 9.1)', () => {
    const h = decided();
    for (let i = 0; i < 100; i++) h.answer(2, challenge);
    expect(h.all.filter(({ kind, route }) => kind === 'cancel' && route === 2)).toHaveLength(1);
  });

  it('is answered with a reset alone where no copy may leave any more', () => {
    const h = new Harness();
    h.setup();
    h.setRoutes(routes(3, ({ number }) => (number === 2 ? { admin: 'draining' } : {})));
    h.answer(2, challenge);
    expect(h.words).toEqual(['cancel 2', 'drop']);
    h.setRoutes(routes(3, ({ number }) => (number === 3 ? { usable: { 4: false, 6: false } } : {})));
    h.answer(3, challenge);
    expect(h.words).toEqual(['cancel 3', 'drop']);
    const to = { address: words('203.0.1.2'), port: CLIENT.port };
    h.setRoutes(routes(3, ({ addresses }) => ({ addresses: { ...addresses, 4: words('203.0.9.9') } })));
    h.answer(1, { ...challenge, to });
    expect(h.words).toEqual(['cancel 1', 'drop']);
  });

  it('a segment without ACK is no challenge: it is dropped (RFC 9293 3.10.7.3)', () => {
    const h = new Harness();
    h.setup();
    h.answer(2, { flags: FLAG.FIN, acknowledgement: 12_345, known: false });
    expect(h.words).toEqual(['drop']);
    h.answer(2, { flags: FLAG.PSH, acknowledgement: 12_345, known: false, data: 5 });
    expect(h.words).toEqual(['drop']);
  });

  it('an acceptable ACK without SYN is dropped, not answered with a reset that hits (RFC 9293 3.10.7.3)', () => {
    const h = new Harness();
    h.setup();
    h.answer(2, { flags: FLAG.ACK, acknowledgement: ISN + 1, known: false });
    expect(h.words).toEqual(['drop']);
  });
});

describe('simultaneous open (RFC 5382 REQ-2)', () => {
  const syn = { flags: FLAG.SYN, acknowledgement: 0 };

  it("the server's SYN decides its route", () => {
    const h = new Harness();
    h.setup();
    h.answer(3, syn);
    expect(h.words).toEqual(['commit 3']);
    expect(h.engine.latestDecisions(1)[0].reason).toBe('simultaneous-open');
    h.answer(3);
    expect(h.words).toEqual(['pass']);
    h.answer(1);
    expect(h.words).toEqual(['cancel 1', 'drop']);
  });

  it('after the decision: of the winner to the kernel, of another route nowhere', () => {
    const h = decided();
    h.answer(1, syn);
    expect(h.words).toEqual(['pass']);
    h.answer(2, syn);
    expect(h.words).toEqual(['drop']);
  });
});

describe('counters', () => {
  it('a route loses a race once, whatever it says and how often', () => {
    const h = decided();
    h.icmp(2, 3, 1);
    h.answer(2);
    h.answer(2);
    expect(h.engine.counters.losses[2]).toBe(1);
  });

  it('a route that said no and then won has not lost', () => {
    const h = new Harness();
    h.setup();
    h.icmp(2, 3, 1);
    h.answer(2);
    expect(h.engine.counters.wins[2]).toBe(1);
    expect(h.engine.counters.losses[2]).toBe(0);
  });

  it('no time is measured when two copies were out (Karn)', () => {
    const h = new Harness(2);
    h.setup();
    h.pass(1000);
    h.setup();
    h.answer(1);
    h.answer(2);
    expect(h.engine.latestDecisions(1)[0].answers.map(({ rttMicros }) => rttMicros)).toEqual([-1, -1]);
  });

  it.each([1, 2])(
    'times of winner and loser are kept, also in a slot that had a race before (%i)',
    (races) => {
      const h = new Harness(2, { races: 1 });
      for (let before = 1; before < races; before++) {
        h.setup({ isn: 5 });
        h.answer(1, { acknowledgement: 6 });
        h.answer(2, { acknowledgement: 6 });
        h.now = 0;
      }
      h.setup();
      h.now = 7000;
      h.answer(2);
      h.now = 9000;
      h.answer(1);
      const [decision] = h.engine.decisionsFor(SERVER.address, 443, 5);
      expect(decision).toMatchObject({ route: 2, reason: 'first-reply', raced: true });
      expect(decision.answers.map(({ rttMicros }) => rttMicros)).toEqual([9000, 7000]);
    },
  );
});

describe('untranslated routes', () => {
  it('win and lose by the client’s own address and port', () => {
    const h = new Harness(
      2,
      {},
      routes(2, ({ number }) => ({ translate: number === 1 })),
    );
    h.setup({ client: { address: CLIENT.address, port: 2000 } });
    const to = { address: CLIENT.address, port: 2000 };
    h.answer(2, { to, flags: SYN_ACK });
    expect(h.words).toEqual(['commit 2']);
  });
});
