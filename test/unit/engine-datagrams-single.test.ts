/** Datagrams that go by one route: what must not be copied, what nobody knows, what the operator's rules have not seen. */
import { describe, expect, it } from 'vitest';
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
import { CLIENT } from '../sim/engine-harness.js';

/** What must not be copied, though its like may be; and what its server says. */
const SINGLES: readonly (readonly [string, number, Payload, Payload])[] = [
  ['a cookie of NTS', 123, ntp.cookie(), ntp.yes()],
  ['a check of ICE', 3478, stun.check(), stun.yes()],
  ['an Initial with a token', 443, quic.tokened(), quic.yes()],
  ['early data', 443, quic.early(), quic.yes()],
  ['an update of a zone', 53, dns.update(), dns.updated()],
  ['a word within a call', 5060, sip.ask({ toTag: 'b' }), sip.says(200)],
  ['an ACK', 5060, sip.ask({ method: 'ACK' }), sip.says(200)],
  ['a BYE', 5060, sip.ask({ method: 'BYE' }), sip.says(200, { method: 'BYE' })],
  [
    'a registration with credentials',
    5060,
    sip.ask({ method: 'REGISTER', credentials: true }),
    sip.says(200),
  ],
  ['a request without a branch of RFC 3261', 5060, sip.ask({ branch: '1' }), sip.says(200, { branch: '1' })],
  ['an allocation of TURN', 3478, stun.allocate(), stun.unauthorized()],
];
/** What no protocol of ours begins with. */
const UNKNOWN: readonly (readonly [string, number, Payload, Payload])[] = [
  ['anything', 9999, [1, 2, 3], [4, 5, 6]],
  ['nothing at all', 9999, [], []],
  ['half a DNS header', 9953, [0, 1, 2], [0]],
  ['something else at the port of SIP', 5060, [1, 2, 3], [4]],
  ['a short header of QUIC', 443, quic.short(), quic.short()],
];

describe.each([...SINGLES, ...UNKNOWN])('%s', (_, port, payload) => {
  it('goes by one route, as it is, where that is still free; the next one of its flow as well', () => {
    const h = gatewayTo(port);
    h.send(payload);
    expect(h.last).toMatchObject([{ kind: 'release', route: 1, reason: 'criterion' }]);
    h.pass(1900);
    h.send(payload);
    expect(h.last).toMatchObject([{ kind: 'release', route: 1, reason: 'same-flow' }]);
    expect(h.engine.counters.started).toBe(0);
  });

  it('that it has been given the way of the criterion already changes nothing', () => {
    const h = gatewayTo(port);
    h.send(payload, { routed: 1 });
    expect(h.last).toMatchObject([{ kind: 'release', route: 1, reason: 'criterion' }]);
    h.send(payload, { routed: 1 });
    expect(h.last).toMatchObject([{ kind: 'release', route: 1, reason: 'same-flow' }]);
  });

  it('when it has been given another way: as a copy, in a race of one; so does what follows', () => {
    const h = gatewayTo(port);
    h.send(payload, { routed: 3 });
    expect(h.words).toEqual(['attempt 1', 'drop']);
    expect(h.sent).toEqual([{ route: 1, bytes: h.asCopied(1, payload) }]);
    expect(h.single('criterion')).toBe(1);
    h.send(payload, { routed: 3 });
    expect(h.sent).toEqual([{ route: 1, bytes: h.asCopied(1, payload) }]);
    expect(h.engine.counters.started).toBe(1);
  });

  it('the next one of its flow is given another way: it is sent as a copy by that of the first', () => {
    const h = gatewayTo(port);
    h.send(payload);
    h.send(payload, { routed: 3 });
    expect(h.sent).toEqual([{ route: 1, bytes: h.asCopied(1, payload) }]);
  });

  it('what never answers is told nothing, and its race ends', () => {
    const h = gatewayTo(port);
    h.send(payload, { routed: 3 });
    h.pass(5000);
    expect(h.race).toBe(-1);
    expect(h.told).toEqual([]);
  });

  it('without a route that can carry it, it is released', () => {
    const h = gatewayTo(port);
    const down = h.engine.routes.map((route) => ({ ...route, usable: { 4: false, 6: false } }));
    h.setRoutes(down);
    h.send(payload, { routed: 3 });
    expect(h.last).toMatchObject([{ kind: 'release', route: 0, reason: 'no-route' }]);
  });

  it('goes on as it is when its flow has something in the connection table', () => {
    const h = gatewayTo(port);
    h.send(payload, { stays: true });
    expect(h.last).toMatchObject([{ kind: 'release', route: 0, reason: 'entry-kept' }]);
    h.send(payload, { stays: true, tried: 2 });
    expect(h.words).toEqual(['pass']);
  });
});

describe('its flow is silent: it goes on, and nobody else is asked', () => {
  const check = (port: number, payload: Payload): void => {
    const h = gatewayTo(port);
    h.send(payload, { tried: 2 });
    expect(h.words).toEqual(['pass']);
    expect(h.engine.counters.started).toBe(0);
  };
  it.each(UNKNOWN)('%s', (_, port, payload) => check(port, payload));
  // A rescue does not look at `isSingle`: what must not be copied leaves by all other routes.
  it.each(SINGLES)('%s', (_, port, payload) => check(port, payload));
});

describe('in a race of one, what its server says is the client’s', () => {
  const check = (port: number, payload: Payload, answer: Payload): void => {
    const h = gatewayTo(port);
    h.send(payload, { routed: 3 });
    h.reply(1, answer);
    expect(h.words).toEqual(['commit 1']);
    expect(h.engine.counters).toMatchObject({ decided: 1, failed: 0 });
    expect(h.engine.latestDecisions(1)).toMatchObject([{ reason: 'criterion' }]);
  };
  it.each([...SINGLES.slice(0, 4), ...UNKNOWN])('%s', (_, port, payload, answer) =>
    check(port, payload, answer),
  );
  // The protocol judges it as an answer to what may be copied.
  it.each(SINGLES.slice(4))('%s', (_, port, payload, answer) => check(port, payload, answer));
});

describe.each([
  ['DNS', 53, dns.query()],
  ['QUIC', 443, quic.initial()],
  ['STUN', 3478, stun.request()],
  ['NTP', 123, ntp.question()],
] as const)('%s behind no rules of the operator’s', (_, port, payload) => {
  it('nothing is copied, and its flow goes where the first goes', () => {
    const h = gatewayTo(port);
    h.send(payload, { mayCopy: false });
    expect(h.last).toMatchObject([{ kind: 'release', route: 1, reason: 'criterion' }]);
    h.send(payload, { mayCopy: false });
    expect(h.last).toMatchObject([{ kind: 'release', route: 1, reason: 'same-flow' }]);
    expect(h.engine.counters.started).toBe(0);
  });

  it('nor where it has been given another way', () => {
    const h = gatewayTo(port);
    h.send(payload, { mayCopy: false, routed: 3 });
    expect(h.sent).toEqual([]);
    expect(h.engine.counters.started).toBe(0);
  });
});

describe('within a flight', () => {
  it.each([
    ['early data', 443, quic.initial(), quic.early(), quic.yes()],
    ['a token', 443, quic.initial(), quic.tokened(), quic.yes()],
    ['an update', 53, dns.query(), dns.update(), dns.yes()],
    ['an allocation', 3478, stun.request(), stun.allocate(), stun.yes()],
  ] as const)(
    '%s goes by one route of it, and by the winner when there is one',
    (_, port, first, single, yes) => {
      const h = gatewayTo(port);
      h.send(first);
      h.send(single);
      expect(h.sent).toEqual([{ route: 1, bytes: h.asCopied(1, single) }]);
      h.reply(3, yes);
      expect(h.words).toEqual(['commit 3']);
      h.send(single);
      expect(h.sent).toEqual([{ route: 3, bytes: h.asCopied(3, single) }]);
    },
  );

  it('it is never copied later either: a repeat that may be copied goes without it', () => {
    const h = gatewayTo(443);
    h.send(quic.initial());
    h.send(quic.early());
    h.pass(300);
    h.send(quic.initial());
    for (const { route, bytes } of h.sent) expect(bytes).toEqual(h.asCopied(route, quic.initial()));
    expect(h.by).toEqual([1, 2, 3]);
  });

  // It is kept with the flight, and all of that goes by the routes that are asked later.
  it('nor by a route that is asked later, since the first one is remembered', () => {
    const h = new DatagramHarness(3, {}, {});
    h.flow = { client: CLIENT, server: at(443) };
    h.send(quic.initial());
    for (const route of [2, 1, 3]) {
      h.pass(10);
      h.reply(route, quic.yes());
    }
    h.flow = { client: { ...CLIENT, port: 40_001 }, server: at(443) };
    h.send(quic.initial());
    expect(h.by).toEqual([2]);
    h.send(quic.early());
    expect(h.by).toEqual([2]);
    h.pass(3000);
    expect(h.by.length).toBeGreaterThan(0);
    for (const { route, bytes } of h.sent) expect(bytes).toEqual(h.asCopied(route, quic.initial()));
  });

  it('early data goes by one route when the time of a flight is over, too', () => {
    const h = gatewayTo(443);
    h.send(quic.initial());
    h.pass(400);
    h.send(quic.early());
    expect(h.by).toEqual([1]);
  });
});
