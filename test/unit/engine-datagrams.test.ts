/** Datagrams that are raced: what leaves, whose answer counts, and what the client gets. */
import { describe, expect, it } from 'vitest';
import { TIMES } from '../../src/core/memory/times.js';
import {
  at,
  DatagramHarness,
  dns,
  gatewayTo,
  ntp,
  type Payload,
  quic,
  sip,
  stun,
} from '../sim/datagram-harness.js';
import { CLIENT, only, wordsOf } from '../sim/engine-harness.js';

const ALL = [1, 2, 3];
const NINES = new Array<number>(12).fill(9);

/** What each protocol has of its own: a question, another one's answer, a yes, a no. */
const CASES = [
  {
    name: 'DNS',
    times: TIMES.DNS,
    another: dns.query({ id: 2 }),
    yesToAnother: dns.yes({ id: 2 }),
    port: 53,
    ask: dns.query(),
    yes: dns.yes(),
    other: dns.yes({ id: 7 }),
    no: dns.no(dns.REFUSED),
  },
  {
    name: 'QUIC',
    times: TIMES.QUIC,
    another: quic.initial({ source: NINES }),
    yesToAnother: quic.yes({ source: NINES }),
    port: 443,
    ask: quic.initial(),
    yes: quic.yes(),
    other: quic.yes({ source: [8] }),
    no: null,
  },
  {
    name: 'STUN',
    times: TIMES.ASK,
    another: stun.request(NINES),
    yesToAnother: stun.yes(NINES),
    port: 3478,
    ask: stun.request(),
    yes: stun.yes(),
    other: stun.yes(zeros(12)),
    no: stun.no(),
  },
  {
    name: 'SIP',
    times: TIMES.ASK,
    another: sip.ask({ branch: 'z9hG4bKtwo', cseq: 2 }),
    yesToAnother: sip.says(180, { branch: 'z9hG4bKtwo', cseq: 2 }),
    port: 5060,
    ask: sip.ask(),
    yes: sip.says(100),
    other: sip.says(200, { callId: 'other' }),
    no: sip.says(503),
  },
  {
    name: 'NTP',
    times: TIMES.ASK,
    another: ntp.question(NINES.slice(0, 8)),
    yesToAnother: ntp.yes(NINES.slice(0, 8)),
    port: 123,
    ask: ntp.question(),
    yes: ntp.yes(),
    other: ntp.yes(zeros(8)),
    no: ntp.no(),
  },
] as const;
const WITH_NO = CASES.flatMap((each) => (each.no === null ? [] : [{ ...each, no: each.no as Payload }]));

function zeros(count: number): number[] {
  return new Array<number>(count).fill(0);
}

describe.each(CASES)('$name', ({ times, port, ask, yes, other, another, yesToAnother }) => {
  it.each([
    ['IPv4', '10.0.0.2', '198.51.100.1'],
    ['IPv6', 'fd00::2', '2001:db8::1'],
  ])('%s: the question leaves by all routes, byte for byte but for its own end', (_, from, to) => {
    const h = gatewayTo(port);
    h.flow = { client: at(40_000, from), server: at(port, to) };
    h.send(ask);
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'drop']);
    expect(h.by).toEqual(ALL);
    for (const { route, bytes } of h.sent) expect(bytes).toEqual(h.asCopied(route, ask));
  });

  it('the first answer wins; what the others say later ends here, and nobody is told', () => {
    const h = gatewayTo(port);
    h.send(ask);
    h.pass(10);
    h.reply(2, yes);
    expect(h.words).toEqual(['commit 2']);
    h.pass(10);
    for (const route of [1, 3]) {
      h.reply(route, yes);
      expect(h.words).toEqual(['drop']);
    }
    expect(h.race).toBe(-1);
    // Nor when the race is forgotten.
    h.reply(1, yes, { known: false });
    expect(h.words).toEqual(['pass']);
    expect(only(h.all, 'cancel')).toEqual([]);
    expect(only(h.all, 'refuse')).toEqual([]);
    expect(h.engine.counters).toMatchObject({ started: 1, decided: 1, failed: 0 });
  });

  it('an answer again by the route that has won is the client’s', () => {
    const h = gatewayTo(port);
    h.send(ask);
    h.reply(2, yes);
    h.reply(2, yes);
    expect(h.words).toEqual(['pass']);
  });

  it('what is no answer to it is dropped, and the others are waited for', () => {
    const h = gatewayTo(port);
    h.send(ask);
    for (const wrong of [other, ask, [], [0x45, 1, 2]]) {
      h.reply(1, wrong);
      expect(h.words).toEqual(['drop']);
    }
    h.reply(1, yes, { server: at(port + 1) });
    expect(h.words).toEqual(['pass']);
    expect(h.ignored('not-ours')).toBe(5);
    h.reply(1, yes);
    expect(h.words).toEqual(['commit 1']);
  });

  it('two clients at one time: each has the answer to its own question', () => {
    const h = gatewayTo(port);
    const second = { ...h.flow, client: { ...CLIENT, port: 40_001 } };
    h.send(ask);
    h.send(another, second);
    for (const [flow, wrong, right] of [
      [h.flow, yesToAnother, yes],
      [second, yes, yesToAnother],
    ] as const) {
      h.reply(2, wrong, flow);
      expect(h.words).toEqual(['drop']);
      h.reply(2, right, flow);
      expect(h.words).toEqual(['commit 2']);
    }
  });

  it('a silent route costs nothing, and is silent', () => {
    const h = gatewayTo(port, {}, {});
    h.send(ask);
    h.pass(20);
    h.reply(3, yes);
    expect(h.words).toEqual(['commit 3']);
    h.reply(2, yes);
    expect(h.race).not.toBe(-1);
    h.pass(5000);
    expect(h.race).toBe(-1);
    // A server of SIP answers one copy alone.
    expect(h.remembered(times)).toEqual([port === 5060 ? 'none' : 'silent', 'answered 20', 'answered 20']);
  });

  it('when all are silent the client is told nothing, and the race ends', () => {
    const h = gatewayTo(port);
    h.send(ask);
    expect(wordsOf(h.pass(4999))).toEqual([]);
    expect(h.race).not.toBe(-1);
    expect(wordsOf(h.pass(1))).toEqual([]);
    expect(h.race).toBe(-1);
    expect(h.engine.counters).toMatchObject({ decided: 0, failed: 1 });
    // All its places are free again.
    h.send(ask);
    expect(h.by).toEqual(ALL);
  });

  it('whoever asks again within the time of a flight is heard by the same routes, and the race is the same', () => {
    const h = gatewayTo(port);
    h.send(ask);
    h.pass(299);
    h.send(ask);
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'drop']);
    expect(h.ignored('same-flight')).toBe(1);
    expect(h.engine.counters.started).toBe(1);
  });

  it('whoever asks again later is heard by all, whatever has been sent before', () => {
    const h = gatewayTo(port);
    h.send(ask);
    h.pass(300);
    h.send(ask);
    expect(h.by).toEqual(ALL);
    for (const { route, bytes } of h.sent) expect(bytes).toEqual(h.asCopied(route, ask));
    expect(h.ignored('syn-repeat')).toBe(1);
    expect(h.ignored('same-flight')).toBe(0);
    h.reply(3, yes);
    expect(h.words).toEqual(['commit 3']);
  });

  it('a repeat that was in the queue while the answer came goes by the winner alone', () => {
    const h = gatewayTo(port);
    h.send(ask);
    h.reply(2, yes);
    h.send(ask);
    expect(h.words).toEqual(['attempt 2', 'drop']);
    expect(h.sent[0].bytes).toEqual(h.asCopied(2, ask));
  });

  it('before the kernel has bound the flow as well', () => {
    const h = gatewayTo(port);
    h.commitResult = null;
    h.send(ask);
    h.reply(2, yes);
    h.send(ask);
    expect(h.words).toEqual(['attempt 2', 'drop']);
  });

  it('a tuple that is somebody’s: the race ends, and the next question starts another one', () => {
    const h = gatewayTo(port);
    h.commitResult = false;
    h.send(ask);
    h.reply(2, yes);
    expect(h.race).toBe(-1);
    h.send(ask);
    expect(h.by).toEqual(ALL);
  });

  it('what its hop limit ends here is not copied', () => {
    const h = gatewayTo(port);
    h.send(ask, { ttl: 1 });
    expect(h.words).toEqual(['release 0']);
    expect(h.single('ttl-expires-here')).toBe(1);
  });

  it('the kernel’s flow is silent: the others are asked besides, the question goes on, and who answers has it', () => {
    const h = gatewayTo(port);
    h.send(ask, { tried: 1 });
    expect(h.words).toEqual(['attempt 2', 'attempt 3', 'pass']);
    h.pass(20);
    h.reply(3, yes);
    expect(h.words).toEqual(['commit 3']);
    h.reply(2, yes);
    expect(h.words).toEqual(['drop']);
  });

  it('with one route there is nothing to race', () => {
    const h = new DatagramHarness(1);
    h.flow = { client: CLIENT, server: at(port) };
    h.send(ask);
    expect(h.words).toEqual(['release 1']);
    expect(h.single('only-route')).toBe(1);
  });
});

describe.each(WITH_NO)('a no of $name', ({ port, ask, yes, no }) => {
  it('waits for a yes', () => {
    const h = gatewayTo(port);
    h.send(ask);
    h.reply(1, no);
    expect(h.words).toEqual(['drop']);
    h.reply(2, yes);
    expect(h.words).toEqual(['commit 2']);
    expect(h.told).toEqual([]);
    h.reply(3, no);
    expect(h.words).toEqual(['drop']);
  });

  it('of the same route as well', () => {
    const h = gatewayTo(port);
    h.send(ask);
    h.reply(1, no);
    h.reply(1, yes);
    expect(h.words).toEqual(['commit 1']);
  });

  it('of all routes is the client’s, as it came but for its ends', () => {
    const h = gatewayTo(port);
    h.send(ask);
    for (const route of ALL) h.reply(route, no);
    expect(h.words).toEqual(['reject 1', 'drop']);
    expect(h.told).toEqual([h.asTold(no)]);
    expect(h.race).toBe(-1);
  });

  it('of one route, when the others keep silent, is told at last', () => {
    const h = gatewayTo(port);
    h.send(ask);
    h.reply(2, no);
    h.pass((port === 5060 ? 450 : 3000) - 1);
    expect(h.told).toEqual([]);
    h.pass(1);
    expect(h.told).toEqual([h.asTold(no)]);
    expect(h.race).toBe(-1);
  });

  it('of two routes is told soon', () => {
    const h = gatewayTo(port);
    h.send(ask);
    h.pass(20);
    h.reply(2, no);
    h.reply(3, no);
    h.pass(1000);
    expect(h.told).toEqual([h.asTold(no)]);
  });

  it('of the winner, for a question after it, is the client’s', () => {
    const h = gatewayTo(port);
    h.send(ask);
    h.reply(1, yes);
    h.reply(1, no);
    expect(h.words).toEqual(['pass']);
  });
});

describe('DNS alone', () => {
  const { EMPTY, SERVFAIL, REFUSED, NXDOMAIN } = dns;
  const ORDERS = [
    [EMPTY, SERVFAIL, REFUSED],
    [EMPTY, REFUSED, SERVFAIL],
    [SERVFAIL, EMPTY, REFUSED],
    [SERVFAIL, REFUSED, EMPTY],
    [REFUSED, EMPTY, SERVFAIL],
    [REFUSED, SERVFAIL, EMPTY],
  ];

  it.each([
    ...ORDERS.map((order) => [order, EMPTY] as const),
    [[REFUSED, SERVFAIL, REFUSED], SERVFAIL],
    [[REFUSED, REFUSED, SERVFAIL], SERVFAIL],
    [[REFUSED, 9, REFUSED], REFUSED],
  ] as const)('%j: of several noes the client gets that which says most: %i', (order, best) => {
    const h = gatewayTo(53);
    h.send(dns.query());
    for (const [i, rcode] of order.entries()) h.reply(i + 1, dns.no(rcode));
    expect(h.told).toEqual([h.asTold(dns.no(best))]);
  });

  it('that there is no such name is an answer', () => {
    const h = gatewayTo(53);
    h.send(dns.query());
    h.reply(1, dns.no(NXDOMAIN));
    expect(h.words).toEqual(['commit 1']);
  });

  it('A and AAAA from one port: over the same routes, and either may decide', () => {
    const h = gatewayTo(53);
    const second = { id: 0x5678, type: dns.AAAA };
    h.send(dns.query());
    h.send(dns.query(second));
    expect(h.words).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'drop']);
    for (const { route, bytes } of h.sent) expect(bytes).toEqual(h.asCopied(route, dns.query(second)));
    h.reply(3, dns.yes({ ...second, id: 1 }));
    expect(h.words).toEqual(['drop']);
    h.reply(3, dns.yes(second));
    expect(h.words).toEqual(['commit 3']);
    h.reply(3, dns.yes());
    expect(h.words).toEqual(['pass']);
    h.reply(1, dns.yes());
    expect(h.words).toEqual(['drop']);
  });

  it('a question that comes when its fellow has been decided goes by the winner', () => {
    const h = gatewayTo(53);
    const second = { id: 0x5678, type: dns.AAAA };
    h.send(dns.query());
    h.reply(2, dns.yes());
    h.send(dns.query(second));
    expect(h.sent).toEqual([{ route: 2, bytes: h.asCopied(2, dns.query(second)) }]);
    h.reply(2, dns.yes(second));
    expect(h.words).toEqual(['pass']);
  });

  it('four questions of one flow are known by their answers', () => {
    for (const asked of [1, 2, 3, 4]) {
      const h = gatewayTo(53);
      for (const id of [1, 2, 3, 4]) h.send(dns.query({ id }));
      h.reply(1, dns.yes({ id: asked }));
      expect(h.words).toEqual(['commit 1']);
    }
  });
});

describe('QUIC alone', () => {
  it.each([
    ['a Retry', quic.retry()],
    ['Version Negotiation', quic.versions()],
  ])('%s is an answer', (_, answer) => {
    const h = gatewayTo(443);
    h.send(quic.initial());
    h.reply(2, answer);
    expect(h.words).toEqual(['commit 2']);
  });

  it('the second Initial of the flight goes by all routes, and is of the same race', () => {
    const h = gatewayTo(443);
    const [first, second] = [quic.initial({ mark: 1 }), quic.initial({ mark: 2 })];
    h.send(first);
    h.pass(1);
    h.send(second);
    expect(h.by).toEqual(ALL);
    for (const { route, bytes } of h.sent) expect(bytes).toEqual(h.asCopied(route, second));
    h.reply(2, quic.short());
    expect(h.words).toEqual(['drop']);
    h.reply(2, quic.yes());
    expect(h.words).toEqual(['commit 2']);
  });
});
