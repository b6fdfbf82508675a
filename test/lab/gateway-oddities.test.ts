/** What a usual client and server never do, and the rules say what happens then. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ConnectResult, WirePacket } from '../../lab/index.js';
import { ACK, MSS_1460, RST, SYN, type TcpFields, tcp } from '../../lab/packets.js';
import { macOf, providersNamespace, Tap } from '../../lab/tap.js';
import { connectMs, eventually, GatewayLab, halfOpen, NEAR, NEAR6 } from './support/gateway-lab.js';

const PORT = 7;
/** No server has these: what answers is made by hand. */
const DARK = '198.51.100.9';
const DARK6 = '2001:db8:100::9';
const ROUTES = ['a', 'b', 'c'];
/** Longer than a race is kept for its losers, or a silent one for an answer. */
const LINGER_MS = 2000;
const RACE_TIMEOUT_MS = 700;
/** Until a packet that must not come would have come. */
const QUIET_MS = 200;

let made: GatewayLab;
/** The client's end of the LAN. */
let lan: Tap;
/** The providers' ends, and what the gateway sends there. */
let wans: Tap[];
let nextPort = 20_000;

beforeAll(async () => {
  made = await GatewayLab.start(
    { providers: ROUTES.map((name, index) => ({ name, link: { delayMs: 10 + 5 * index } })) },
    { config: { limits: { raceTimeout: `${RACE_TIMEOUT_MS}ms` } } },
  );
  await made.lab.server().echo({ ports: [PORT] });
  lan = new Tap(made.lab.client(), 'eth0', { to: await macOf(made.lab.gateway, 'lan0') });
  const far = providersNamespace(made.lab.gateway);
  wans = ROUTES.map((_, index) => new Tap(far, `p${index + 1}`, { to: `02:00:00:00:01:0${index + 1}` }));
});

afterAll(async () => {
  for (const tap of [lan, ...(wans ?? [])]) tap?.close();
  await made?.stop();
});

beforeEach(async () => {
  await made.lab.wire.reset();
  for (const tap of [lan, ...wans]) tap.received.length = 0;
});

function wan(number: number): Tap {
  return wans[number - 1] as Tap;
}

/** The copy of a SYN to `address` on a route, once it has left. */
async function copyOn(number: number, address: string): Promise<WirePacket> {
  const copies = async () =>
    wan(number).received.filter(({ kind, destination }) => kind === 'syn' && destination === address);
  const found = (await eventually(copies, (seen) => seen.length > 0, 1500)).at(-1);
  if (found === undefined) throw new Error(`no copy to ${address} on route ${number}`);
  return found;
}

/** An answer to a packet of the gateway. */
function answerTo(copy: WirePacket, fields: Partial<TcpFields>): Buffer {
  return tcp({
    source: copy.destination,
    destination: copy.source,
    sourcePort: copy.destinationPort,
    destinationPort: copy.sourcePort,
    flags: SYN | ACK,
    seq: 90_000,
    ack: (copy.seq + 1) >>> 0,
    options: MSS_1460,
    ...fields,
  });
}

/** A SYN of no program: its client's kernel does not know of it. */
function sendSyn(address: string, more: Partial<TcpFields> = {}): void {
  const { ipv4, ipv6 } = made.lab.client();
  lan.send(
    tcp({
      source: address.includes(':') ? ipv6 : ipv4,
      destination: address,
      sourcePort: nextPort++,
      destinationPort: PORT,
      flags: SYN,
      seq: 7_000_000,
      options: MSS_1460,
      ...more,
    }),
  );
}

/** What left by a route towards `address` but for the SYN copies. */
function sentBy(number: number, address: string): WirePacket[] {
  return wan(number).received.filter(({ kind, destination }) => kind !== 'syn' && destination === address);
}

describe('simultaneous open', () => {
  test.each([
    ['IPv4, ended by an ACK', DARK, ACK],
    ['IPv4, ended by a SYN+ACK', DARK, SYN | ACK],
    ['IPv6, ended by an ACK', DARK6, ACK],
    ['IPv6, ended by a SYN+ACK', DARK6, SYN | ACK],
  ] as const)('%s', async (_, address, last) => {
    const connector = made.lab.client().connector();
    const result = connector.run({
      targets: [{ address, port: PORT }],
      count: 1,
      hold: true,
      timeoutMs: 3000,
    });
    const copy = await copyOn(2, address);
    wan(2).send(answerTo(copy, { flags: SYN, ack: 0 }));
    const reply = async () => sentBy(2, address).filter(({ kind }) => kind === 'synack');
    const [synAck] = await eventually(reply, (seen) => seen.length > 0, 500);
    expect(synAck).toMatchObject({ seq: copy.seq, ack: 90_001, source: copy.source });
    wan(2).send(answerTo(copy, last === ACK ? { flags: ACK, seq: 90_001, options: [] } : {}));
    const [connected] = await result;
    expect(connected).toMatchObject({ ok: true, connected: true });
    expect(connected?.connectMicros).toBeLessThan(900_000);
    expect([...sentBy(1, address), ...sentBy(3, address)]).toEqual([]);
    expect(sentBy(2, address).filter(({ kind }) => kind === 'rst')).toEqual([]);
    const [decision] = await made.why(address.includes(':') ? `[${address}]:${PORT}` : `${address}:${PORT}`);
    expect(decision).toMatchObject({ route: 'b', reasons: ['simultaneous-open'] });
    await connector.release('reset');
    await connector.stop();
  });
});

describe('options that forbid a race, or do not', () => {
  const MP_CAPABLE = [30, 4, 0x01, 0x81];
  const MP_JOIN = [30, 12, 0x10, 1, 1, 2, 3, 4, 5, 6, 7, 8];
  const MD5 = [19, 18, ...Array.from({ length: 16 }, (_, index) => index), 1, 1];
  const AO = [29, 16, 1, 1, ...Array.from({ length: 12 }, (_, index) => index)];

  async function synsOf(address: string, options: readonly number[]): Promise<WirePacket[]> {
    sendSyn(address, { options: [...MSS_1460, ...options] });
    const syns = () => made.lab.wire.trace({ kind: 'syn', direction: 'out', address });
    await eventually(syns, (seen) => seen.length > 0, 1000);
    await sleep(QUIET_MS / 2);
    return syns();
  }

  test.each([DARK, DARK6])('MP_CAPABLE to %s is raced, with its option', async (address) => {
    const syns = await synsOf(address, MP_CAPABLE);
    expect(syns.map(({ provider }) => provider).sort()).toEqual(ROUTES);
    for (const { options } of syns) expect(options).toContain(30);
  });

  test.each(
    [DARK, DARK6].flatMap(
      (address) =>
        [
          ['MP_JOIN', MP_JOIN, 30, 'mptcp-join', address],
          ['MD5', MD5, 19, 'tcp-authentication', address],
          ['AO', AO, 29, 'tcp-authentication', address],
        ] as const,
    ),
  )('%s goes out once, by the rest route, as it is', async (_, options, kind, reason, address) => {
    const before = (await made.status()).races;
    const syns = await synsOf(address, options);
    expect(syns.map(({ provider }) => provider)).toEqual(['a']);
    expect(syns[0]?.options).toContain(kind);
    expect(syns[0]?.sourcePort).toBeGreaterThanOrEqual(32_768);
    const after = (await made.status()).races;
    expect(after.started).toBe(before.started);
    expect(after.single[reason] ?? 0).toBe((before.single[reason] ?? 0) + 1);
  });
});

describe('hop limit', () => {
  test.each([
    ['IPv4', DARK, '11/0', '10.0.0.1'],
    ['IPv6', DARK6, '3/0', 'fd00::1'],
  ] as const)(
    '1 over %s: the gateway itself says time exceeded, about the client’s own packet',
    async (_, address, code, gateway) => {
      const sourcePort = nextPort;
      sendSyn(address, { ttl: 1 });
      const errors = async () => lan.received.filter(({ kind }) => kind === 'icmp-error');
      const [error] = await eventually(errors, (seen) => seen.length > 0, 1000);
      expect(`${error?.icmp?.type}/${error?.icmp?.code}`).toBe(code);
      expect(error?.source).toBe(gateway);
      expect(error?.icmp?.quoted).toMatchObject({ destination: address, sourcePort });
      await sleep(QUIET_MS);
      expect(await made.lab.wire.trace({ direction: 'out', address })).toEqual([]);
    },
  );

  test('2: the copies have 1, and each provider’s time exceeded is one answer among others', async () => {
    sendSyn(DARK, { ttl: 2 });
    const copies = () => made.lab.wire.trace({ kind: 'syn', address: DARK });
    expect((await eventually(copies, (seen) => seen.length >= 3, 1000)).map(({ ttl }) => ttl)).toEqual([
      1, 1, 1,
    ]);
    const errors = async () => lan.received.filter(({ kind }) => kind === 'icmp-error');
    expect((await eventually(errors, (seen) => seen.length > 0, 1000)).length).toBe(1);
    await sleep(QUIET_MS);
    expect((await errors()).length).toBe(1);
  });
});

describe('a SYN+ACK for which nobody waits any more', () => {
  /** Exactly one reset, exactly this one; and nothing for the client. */
  async function expectRefused(number: number, copy: WirePacket): Promise<void> {
    wan(number).received.length = 0;
    lan.received.length = 0;
    wan(number).send(answerTo(copy, {}));
    const resets = async () => wan(number).received.filter(({ kind }) => kind === 'rst');
    await eventually(resets, (seen) => seen.length > 0, 1000);
    await sleep(QUIET_MS);
    const seen = wan(number).received.filter(({ destination }) => destination === copy.destination);
    expect(
      seen.map(({ flags, seq, ack, window, length, source, sourcePort }) => ({
        ...{ flags, seq, ack, window, length, source, sourcePort },
      })),
    ).toEqual([
      {
        ...{ flags: 'R', seq: copy.seq + 1, ack: 0, window: 0, length: 0 },
        ...{ source: copy.source, sourcePort: copy.sourcePort },
      },
    ]);
    expect(lan.received.filter(({ source }) => source === copy.destination)).toEqual([]);
  }

  test('from a loser, after the race is forgotten', async () => {
    const { lab } = made;
    await lab.link('c').set({ blackhole: true });
    const holder = lab.client().connector();
    const targets = [NEAR, NEAR6].map((address) => ({ address, port: PORT }));
    connectMs(await holder.run({ targets, hold: true, bytes: 100 }));
    const copies = await Promise.all([NEAR, NEAR6].map((address) => copyOn(3, address)));
    await sleep(LINGER_MS + 300);
    expect((await made.status()).races.active).toBe(0);
    for (const copy of copies) await expectRefused(3, copy);
    expect(await holder.check(1000)).toEqual({ held: 2, ok: 2, errors: {} });
    await lab.link('c').set({ blackhole: false });
    await holder.stop();
  });

  test('after a race that had no answer in time', async () => {
    for (const address of [DARK, DARK6]) sendSyn(address);
    const copies = await Promise.all(
      [DARK, DARK6].flatMap((address) => [1, 2, 3].map((number) => copyOn(number, address))),
    );
    await sleep(RACE_TIMEOUT_MS + 300);
    expect((await made.status()).races.active).toBe(0);
    for (const [index, copy] of copies.entries()) await expectRefused((index % 3) + 1, copy);
  });

  test('from a loser, again and again: a reset each time', async () => {
    sendSyn(DARK);
    const [first, second] = await Promise.all([copyOn(1, DARK), copyOn(2, DARK)]);
    wan(1).send(answerTo(first, {}));
    await sleep(50);
    for (let repeat = 0; repeat < 3; repeat++) await expectRefused(2, second);
  });
});

describe('a server in TIME_WAIT', () => {
  test.each([DARK, DARK6])(
    '%s answers with an old ACK: reset, and the copy at once again',
    async (address) => {
      const result = made.lab.client().connect({
        targets: [{ address, port: PORT }],
        count: 1,
        close: 'reset',
        timeoutMs: 3000,
      });
      const copy = await copyOn(1, address);
      wan(1).received.length = 0;
      wan(1).send(answerTo(copy, { flags: ACK, seq: 5_000_000, ack: 123_456_789, options: [] }));
      const answers = async () => wan(1).received.filter(({ destination }) => destination === address);
      const seen = await eventually(answers, (packets) => packets.length >= 2, 500);
      expect(seen.map(({ flags, seq, sourcePort }) => ({ flags, seq, sourcePort }))).toEqual([
        { flags: 'R', seq: 123_456_789, sourcePort: copy.sourcePort },
        { flags: 'S', seq: copy.seq, sourcePort: copy.sourcePort },
      ]);
      wan(1).send(answerTo(copy, {}));
      expect(connectMs(await result)[0]).toBeLessThan(900);
      expect(lan.received.filter(({ kind, source }) => kind === 'rst' && source === address)).toEqual([]);
    },
  );

  test('a path that answers everything with an ACK is not fed for ever', async () => {
    sendSyn(DARK);
    const copy = await copyOn(1, DARK);
    for (let round = 0; round < 40; round++) {
      wan(1).send(answerTo(copy, { flags: ACK, seq: 5_000_000, ack: 1000 + round, options: [] }));
      await sleep(5);
    }
    await sleep(QUIET_MS);
    const resets = wan(1).received.filter(({ kind }) => kind === 'rst');
    expect(resets.length).toBeLessThanOrEqual(9);
  });

  test('an old ACK of one route does not keep another from winning', async () => {
    const result = made.lab.client().connect({ targets: [{ address: NEAR, port: PORT }], bytes: 100 });
    const copy = await copyOn(3, NEAR);
    wan(3).send(answerTo(copy, { flags: ACK, seq: 5_000_000, ack: 1000, options: [] }));
    expect(connectMs(await result)[0]).toBeLessThan(200);
    expect(await halfOpen(made.lab)).toBe(0);
  });
});

describe('an old entry of the connection table', () => {
  async function connectFrom(sourcePort: number): Promise<ConnectResult[]> {
    return made.lab.client().connect({
      targets: [{ address: DARK, port: PORT }],
      sourcePorts: [sourcePort],
      count: 1,
      close: 'reset',
      timeoutMs: 3000,
    });
  }

  test('does not let one route’s error of the next connection through', async () => {
    const first = connectFrom(47_000);
    const copy = await copyOn(1, DARK);
    wan(1).send(answerTo(copy, {}));
    connectMs(await first);
    for (const tap of [lan, ...wans]) tap.received.length = 0;
    const second = connectFrom(47_000);
    const [onA, onB] = await Promise.all([copyOn(1, DARK), copyOn(2, DARK)]);
    wan(1).send(answerTo(onA, { flags: RST | ACK, seq: 0, options: [] }));
    await sleep(50);
    wan(2).send(answerTo(onB, {}));
    expect((await second)[0]).toMatchObject({ ok: true });
  });
});
