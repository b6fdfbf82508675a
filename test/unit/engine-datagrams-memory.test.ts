/** What is learnt of datagrams: by kind, in the daemon alone; who is asked first then; and which of them belong to groups. */
import { describe, expect, it } from 'vitest';
import { TIMES } from '../../src/core/memory/times.js';
import {
  type DatagramHarness,
  dns,
  gatewayTo,
  ntp,
  type Payload,
  quic,
  stun,
} from '../sim/datagram-harness.js';
import { CLIENT, type Effect, only } from '../sim/engine-harness.js';

const ALL = [1, 2, 3];
const CASES = [
  {
    name: 'DNS',
    port: 53,
    ask: dns.query(),
    second: dns.query({ id: 9, type: dns.AAAA }),
    yes: dns.yes(),
    times: TIMES.DNS,
  },
  {
    name: 'QUIC',
    port: 443,
    ask: quic.initial(),
    second: quic.initial({ mark: 2 }),
    yes: quic.yes(),
    times: TIMES.QUIC,
  },
  {
    name: 'STUN',
    port: 3478,
    ask: stun.request(),
    second: stun.request([9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]),
    yes: stun.yes(),
    times: TIMES.ASK,
  },
  {
    name: 'NTP',
    port: 123,
    ask: ntp.question(),
    second: ntp.question([9, 9, 9, 9, 9, 9, 9, 9]),
    yes: ntp.yes(),
    times: TIMES.ASK,
  },
] as const;
const KINDS = [TIMES.CONNECT, TIMES.QUIC, TIMES.DNS, TIMES.ASK];

/** Another port of the client's. */
function anew(h: DatagramHarness): void {
  h.flow = { ...h.flow, client: { ...CLIENT, port: h.flow.client.port + 1 } };
}

/** A raced question, answered by each route after its milliseconds. */
function raced(h: DatagramHarness, ask: Payload, yes: Payload, after: readonly number[]): Effect[] {
  const begun = h.all.length;
  h.send(ask);
  let now = 0;
  for (const [i, time] of [...after.entries()].sort(([, a], [, b]) => a - b)) {
    h.pass(time - now);
    now = time;
    h.reply(i + 1, yes);
  }
  return h.all.slice(begun);
}

/** Its destination is remembered: route 2 takes 10 ms. */
function remembering(port: number, ask: Payload, yes: Payload, after = [30, 10, 20]): DatagramHarness {
  const h = gatewayTo(port, {}, {});
  raced(h, ask, yes, after);
  h.pass(1000);
  anew(h);
  return h;
}
/** When the answer of route 2 is overdue: a quarter more, and 5 ms. */
const OVERDUE = 17.5;

describe.each(CASES)('$name', ({ port, ask, second, yes, times }) => {
  it('what the routes have taken is remembered as times of its kind alone', () => {
    const h = remembering(port, ask, yes);
    for (const kind of KINDS)
      expect(h.remembered(kind)).toEqual(kind === times ? ['answered 30', 'answered 10', 'answered 20'] : []);
  });

  it('the kernel is told nothing of it', () => {
    const h = remembering(port, ask, yes);
    h.send(ask);
    h.reply(2, yes);
    expect(only(h.all, 'remember')).toEqual([]);
    expect(only(h.all, 'pin')).toEqual([]);
    expect(h.inKernel).toBe(0);
  });

  it('what connections to the same address take says nothing of it', () => {
    const h = gatewayTo(port, {}, {});
    h.connection(41_000, [5, 20, 30], { service: 1 });
    expect(only(h.all, 'remember')).toMatchObject([{ route: 1 }]);
    h.send(ask);
    expect(h.by).toEqual(ALL);
    raced(h, ask, yes, [30, 10, 20]);
    expect(h.memory()).toEqual(expect.arrayContaining(['answered 5']));
    expect(h.remembered(TIMES.CONNECT)).toEqual(['answered 5', 'answered 20', 'answered 30']);
  });

  it('the best route is asked first, and alone while its answer is not overdue', () => {
    const h = remembering(port, ask, yes);
    h.send(ask);
    expect(h.words).toEqual(['attempt 2', 'drop']);
    h.pass(OVERDUE - 1);
    expect(h.sent).toEqual([]);
    h.reply(2, yes);
    expect(h.words).toEqual(['commit 2']);
    h.pass(2000);
    expect(h.sent).toEqual([]);
    expect(h.race).toBe(-1);
  });

  it('the others are asked when it is, and whoever answers has it', () => {
    const h = remembering(port, ask, yes);
    h.send(ask);
    h.pass(OVERDUE);
    expect(h.by.length).toBeGreaterThan(0);
    h.pass(300);
    h.reply(3, yes);
    expect(h.words).toEqual(['commit 3']);
  });

  it('a further datagram goes by the routes that are asked already; the others get all, in their order', () => {
    const h = remembering(port, ask, yes);
    h.send(ask);
    h.send(second);
    expect(h.sent).toEqual([{ route: 2, bytes: h.asCopied(2, second) }]);
    h.pass(1000);
    expect([...h.by].sort()).toEqual([1, 1, 3, 3]);
    for (const route of [1, 3])
      expect(h.sent.filter((each) => each.route === route).map(({ bytes }) => bytes)).toEqual([
        h.asCopied(route, ask),
        h.asCopied(route, second),
      ]);
  });

  it('who asks again has waited: the others are asked, though the remembered route takes so long', () => {
    const h = remembering(port, ask, yes, [960, 900, 930]);
    h.send(ask);
    h.pass(400);
    expect(h.sent).toEqual([]);
    h.send(ask);
    expect([...h.by].sort()).toEqual(ALL);
    for (const { route, bytes } of h.sent) expect(bytes).toEqual(h.asCopied(route, ask));
  });

  it('what is trusted no more is asked anew, of all at once', () => {
    const h = remembering(port, ask, yes);
    h.pass(700_000);
    h.send(ask);
    expect(h.by).toEqual(ALL);
  });

  it('when the remembered route is silent that is learnt, and another one is first', () => {
    const h = remembering(port, ask, yes);
    h.send(ask);
    h.pass(300);
    h.reply(3, yes);
    h.pass(5000);
    expect(h.race).toBe(-1);
    anew(h);
    h.send(ask);
    expect(h.by[0]).not.toBe(2);
  });

  it('without memory nothing is remembered', () => {
    const h = gatewayTo(port, {}, { trustMicros: 0 });
    raced(h, ask, yes, [30, 10, 20]);
    for (const kind of KINDS) expect(h.remembered(kind)).toEqual([]);
    anew(h);
    h.send(ask);
    expect(h.by).toEqual(ALL);
  });

  it('drawn to measure all again: all leave at once', () => {
    const h = gatewayTo(port, {}, { refresh: 1 });
    raced(h, ask, yes, [30, 10, 20]);
    anew(h);
    h.send(ask);
    expect(h.by).toEqual(ALL);
  });
});

describe('groups', () => {
  const AFFINE = { affinity: 'client', affinityMicros: 600_000_000 } as const;

  it.each(CASES.filter(({ name }) => name === 'DNS' || name === 'NTP'))(
    '$name makes none, and follows none',
    ({ port, ask, yes }) => {
      const h = gatewayTo(port, AFFINE);
      expect(only(raced(h, ask, yes, [30, 10, 20]), 'pin')).toEqual([]);
      h.connection(41_000, [5, 20, 30], { service: 1 });
      expect(only(h.all, 'pin')).toMatchObject([{ route: 1 }]);
      anew(h);
      h.send(ask);
      expect(h.by).toEqual(ALL);
      h.reply(3, yes);
      expect(h.words).toEqual(['commit 3']);
      // Nor where the kernel knows the group.
      anew(h);
      h.send(ask, { pinned: 1 });
      expect(h.by).toEqual(ALL);
    },
  );

  it.each(CASES.filter(({ name }) => name === 'QUIC' || name === 'STUN'))(
    '$name makes one, which connections follow, and follows it',
    ({ port, ask, yes }) => {
      const h = gatewayTo(port, AFFINE);
      expect(only(raced(h, ask, yes, [30, 10, 20]), 'pin')).toMatchObject([{ route: 2 }]);
      anew(h);
      h.send(ask);
      expect(h.last).toContainEqual(
        expect.objectContaining({ kind: 'release', route: 2, reason: 'affinity' }),
      );
      h.setup({ service: 1, client: { ...CLIENT, port: 42_000 } });
      expect(h.last).toContainEqual(
        expect.objectContaining({ kind: 'release', route: 2, reason: 'affinity' }),
      );
    },
  );

  it('where a group’s datagram has been given another way it is sent as a copy by the group’s', () => {
    const h = gatewayTo(443, AFFINE);
    raced(h, quic.initial(), quic.yes(), [30, 10, 20]);
    anew(h);
    h.send(quic.initial(), { routed: 1 });
    expect(h.sent).toEqual([{ route: 2, bytes: h.asCopied(2, quic.initial()) }]);
    h.reply(2, quic.yes());
    expect(h.words).toEqual(['commit 2']);
  });
});
