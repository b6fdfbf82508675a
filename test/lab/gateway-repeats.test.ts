/** Packets of the handshake that get lost, and tuples that are used again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ConnectResult, EchoServer, PacketKind } from '../../lab/index.js';
import { connectMs, expectLosersReset, GatewayLab, halfOpen, NEAR, NEAR6 } from './support/gateway-lab.js';

const PORT = 7;
/** The server closes first here, so that it keeps the TIME_WAIT. */
const CLOSING_PORT = 8;
const ROUTES = ['a', 'b', 'c'];

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start({
    lan: { clients: 2 },
    providers: ROUTES.map((name, index) => ({ name, link: { delayMs: 10 + 10 * index } })),
  });
  // The client's own TIME_WAIT must not keep it from using a tuple again at once; the server's stays.
  await made.lab.client().sysctl({ 'net.ipv4.tcp_max_tw_buckets': 0 });
  echo = await made.lab.server().echo({ ports: [PORT] });
  await made.lab.server().echo({ ports: [CLOSING_PORT], closeAfterBytes: 50 });
});

afterAll(async () => {
  await made?.stop();
});

beforeEach(async () => {
  for (const name of ROUTES) await made.lab.link(name).clearDrops();
  await made.lab.wire.reset();
  await echo.forget();
});

async function one(address: string): Promise<ConnectResult> {
  const [result] = await made.lab.client().connect({
    targets: [{ address, port: PORT }],
    bytes: 2000,
    timeoutMs: 6000,
  });
  if (result === undefined) throw new Error('no result');
  return result;
}

describe('one packet of the handshake is lost', () => {
  // [packet, on these routes, connect time in milliseconds from, to]: a busy machine adds some, a lost handshake a second.
  const CASES: readonly (readonly [PacketKind, readonly string[], number, number])[] = [
    ['syn', ['a'], 40, 120],
    ['syn', ['b'], 20, 100],
    ['syn', ['a', 'b'], 60, 140],
    ['syn', ROUTES, 1000, 1300],
    ['synack', ['a'], 40, 120],
    ['synack', ['c'], 20, 100],
    ['synack', ROUTES, 1000, 1300],
    ['ack', ['a'], 20, 100],
    ['rst', ['b', 'c'], 20, 100],
  ];

  test.each(CASES)('%s on %s', async (packet, routes, fromMs, toMs) => {
    const { lab } = made;
    for (const name of routes) {
      for (const server of [NEAR, NEAR6]) await lab.link(name).dropNext(packet, 1, { server });
    }
    for (const ms of connectMs(await Promise.all([one(NEAR), one(NEAR6)]))) {
      expect(ms).toBeGreaterThan(fromMs - 1);
      expect(ms).toBeLessThan(toMs);
    }
    // A lost RST is made good when the server repeats its SYN+ACK, after a second.
    expect(await halfOpen(lab, 2000)).toBe(0);
    const trace = await lab.wire.trace();
    expect(trace.filter(({ fate }) => fate === 'fault').length).toBe(2 * routes.length);
    expect(await echo.count()).toMatchObject({ accepted: 2, bytes: 4000 });
    for (const { remoteAddress, localAddress } of await echo.connections()) {
      const number = /(\d+)(?:\.2|::2)$/.exec(remoteAddress)?.[1];
      const own = trace.filter((each) => [each.source, each.destination].includes(localAddress));
      expectLosersReset(own, ROUTES[Number(number) - 1] ?? '');
    }
  });
});

describe('tuples', () => {
  // The quicker the connections follow each other, the sooner a tuple comes again.
  beforeAll(async () => {
    for (const [index, name] of ROUTES.entries()) await made.lab.link(name).set({ delayMs: 2 + 2 * index });
  });

  afterAll(async () => {
    for (const [index, name] of ROUTES.entries()) await made.lab.link(name).set({ delayMs: 10 + 10 * index });
  });

  test('one source port, sixty connections in a row, closed by the client', async () => {
    await sixty(PORT, {});
  });

  test('closed by the server, whose TIME_WAIT stays', async () => {
    await sixty(CLOSING_PORT, { bytes: 50 });
  });

  test('reset by the client each time', async () => {
    await sixty(PORT, { close: 'reset' });
  });

  test('two clients with the same source port', async () => {
    const { lab } = made;
    const sources = lab.clients.map(({ ipv4 }) => ipv4);
    const results = await lab.client().connect({
      targets: [{ address: NEAR, port: PORT }],
      count: 40,
      concurrency: 2,
      sources,
      sourcePorts: [40_000],
      bytes: 100,
    });
    expect(Math.max(...connectMs(results))).toBeLessThan(300);
  });

  async function sixty(port: number, plan: { bytes?: number; close?: 'reset' }): Promise<void> {
    const { lab } = made;
    const each = async (address: string, sourcePort: number): Promise<ConnectResult[]> => {
      const connector = lab.client().connector();
      const results: ConnectResult[] = [];
      while (results.length < 60) {
        const [result] = await connector.run({
          targets: [{ address, port }],
          sourcePorts: [sourcePort],
          bytes: 100,
          timeoutMs: 5000,
          ...plan,
        });
        // The client's own end is not through its LAST-ACK: nothing was sent.
        if (result?.error === 'EADDRNOTAVAIL') await sleep(10);
        else if (result !== undefined) results.push(result);
      }
      await connector.stop();
      return results;
    };
    const results = await Promise.all([each(NEAR, 44_444), each(NEAR6, 44_446)]);
    expect(connectMs(results.flat()).filter((ms) => ms > 300)).toEqual([]);
    expect(await halfOpen(lab)).toBe(0);
  }
});

test('an aborted attempt, then a new connection on its tuple while the first is still racing', async () => {
  const { lab } = made;
  // Silent for the first attempt: its race is open when the second comes with another ISN.
  for (const name of ROUTES) await lab.link(name).set({ blackhole: true });
  const connector = lab.client().connector();
  const targets = [{ address: NEAR, port: PORT }];
  const [first] = await connector.run({ targets, sourcePorts: [45_000], timeoutMs: 300 });
  expect(first?.error).toBe('TIMEOUT');
  for (const name of ROUTES) await lab.link(name).set({ blackhole: false });
  const [second] = await connector.run({ targets, sourcePorts: [45_000], bytes: 100 });
  await connector.stop();
  expect(connectMs(second === undefined ? [] : [second])[0]).toBeLessThan(300);
  expect(await halfOpen(lab)).toBe(0);
  expect(await echo.count()).toMatchObject({ accepted: 1 });
});
