/** A new connection is raced over all routes, and the route whose answer comes first carries it. */
import { describe, expect, test } from 'vitest';
import type { Lab, Provider, WirePacket } from '../../lab/index.js';
import { uplink } from '../../lab/index.js';
import {
  connectMs,
  conversation,
  expectLosersReset,
  GatewayLab,
  halfOpen,
  NEAR,
  NEAR6,
  percentile,
  withGateway,
} from './support/gateway-lab.js';

const PORT = 7;

function providers(count: number, link: (index: number) => Provider['link'] = () => ({})): Provider[] {
  return Array.from({ length: count }, (_, index) => ({ name: `p${index + 1}`, link: link(index) ?? {} }));
}

/** Every packet to the providers carries an address of its own route. */
function expectOwnSources(lab: Lab, trace: readonly WirePacket[]): void {
  const own = new Map(
    lab.scenario.providers.map((provider) => {
      const { ipv4, ipv6 } = uplink(provider);
      return [provider.name, [...(ipv4?.addresses ?? []), ...(ipv6?.addresses ?? [])]];
    }),
  );
  const foreign = trace.filter(
    ({ direction, provider, source }) => direction === 'out' && !own.get(provider)?.includes(source),
  );
  expect(foreign.map(({ provider, source }) => `${source} on ${provider}`)).toEqual([]);
}

describe('three routes', () => {
  const ORDERS = [
    [10, 30, 50],
    [10, 50, 30],
    [30, 10, 50],
    [50, 10, 30],
    [30, 50, 10],
    [50, 30, 10],
  ] as const;

  test('the nearest wins, whatever the order, in both families', async () => {
    await withGateway({ providers: providers(3) }, {}, async ({ lab }) => {
      const echo = await lab.server().echo({ ports: [PORT] });
      const connector = lab.client().connector();
      for (const [index, order] of ORDERS.entries()) {
        for (const [at, delayMs] of order.entries()) await lab.link(`p${at + 1}`).set({ delayMs });
        await lab.wire.reset();
        await echo.forget();
        const address = index % 2 === 0 ? NEAR : NEAR6;
        const results = await connector.run({
          targets: [{ address, port: PORT }],
          count: 4,
          bytes: 5000,
        });
        expect(Math.min(...connectMs(results))).toBeGreaterThan(20);
        // The next one would have taken 60.
        expect(percentile(connectMs(results), 0.5)).toBeLessThan(58);
        const winner = `p${order.indexOf(10) + 1}`;
        expect(await halfOpen(lab)).toBe(0);
        const trace = await lab.wire.trace();
        const syns = trace.filter(({ kind }) => kind === 'syn');
        expect(syns.length).toBe(12);
        expectOwnSources(lab, trace);
        expectLosersReset(trace, winner);
        const records = await echo.connections();
        expect(records.length).toBe(4);
        for (const record of records) expect(record).toMatchObject({ received: 5000, sent: 5000 });
        const number = winner.slice(1);
        const source = index % 2 === 0 ? `203.0.${number}.2` : `fd03:${number}::2`;
        expect(new Set(records.map(({ remoteAddress }) => remoteAddress))).toEqual(new Set([source]));
        // One NAT port for all routes of a race, one winner per race.
        for (const syn of syns.filter(({ provider }) => provider === winner)) {
          const copies = syns.filter(({ sourcePort }) => sourcePort === syn.sourcePort);
          expect(copies.map(({ provider }) => provider).sort()).toEqual(['p1', 'p2', 'p3']);
          expect(new Set(copies.map(({ seq }) => seq)).size).toBe(1);
          const after = conversation(trace, syn).map(({ kind }) => kind);
          expect(after).toEqual(expect.arrayContaining(['syn', 'synack', 'ack', 'data', 'fin']));
        }
        const data = trace.filter(({ kind }) => kind === 'data');
        expect(new Set(data.map(({ provider }) => provider))).toEqual(new Set([winner]));
      }
    });
  });
});

describe('any number of routes', () => {
  test.each([2, 5, 16])('%i routes', async (count) => {
    const fastest = Math.floor(count / 2);
    const delays = (index: number) => ({ delayMs: index === fastest ? 10 : 25 + 2 * index });
    await withGateway({ providers: providers(count, delays) }, {}, async ({ lab }) => {
      const echo = await lab.server().echo({ ports: [PORT] });
      for (const address of [NEAR, NEAR6]) {
        const targets = [{ address, port: PORT }];
        const results = await lab.client().connect({ targets, count: 10, concurrency: 2, bytes: 10_000 });
        expect(percentile(connectMs(results), 0.5)).toBeLessThan(48);
      }
      expect(await halfOpen(lab)).toBe(0);
      const trace = await lab.wire.trace();
      expect(trace.filter(({ kind }) => kind === 'syn').length).toBe(20 * count);
      expectOwnSources(lab, trace);
      expectLosersReset(trace, `p${fastest + 1}`);
      expect(await echo.count()).toMatchObject({ accepted: 20, bytes: 200_000 });
    });
  });
});

test('a program of its own: curl and nginx, several megabytes', async () => {
  const made = await GatewayLab.start({
    providers: providers(3, (index) => ({ delayMs: 20 * (3 - index) })),
  });
  const nginx = await made.lab.server().nginx({ ports: [80], bodyBytes: 3_000_000 });
  for (const host of [NEAR, `[${NEAR6}]`]) {
    const page = await made.lab.client().curl(`http://${host}/`);
    expect(page).toMatchObject({ ok: true, bytes: 3_000_000 });
    // 40 by the nearest, 80 by the next.
    expect(page.connectMs).toBeLessThan(78);
  }
  await nginx.stop();
  await made.stop();
});
