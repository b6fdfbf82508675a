/** Routes that differ: one family, several addresses, no translation, small MTUs, providers that meddle. */
import { describe, expect, test } from 'vitest';
import type { Lab, WirePacket } from '../../lab/index.js';
import { clientAddress } from '../../lab/index.js';
import {
  connectMs,
  eventually,
  FAR,
  halfOpen,
  NEAR,
  NEAR6,
  percentile,
  withGateway,
} from './support/gateway-lab.js';
import { Tap } from './support/tap.js';

const PORT = 7;
const BOTH = [
  { address: NEAR, port: PORT },
  { address: NEAR6, port: PORT },
];

function synsTo(trace: readonly WirePacket[], address: string): string[] {
  return trace
    .filter(({ kind, destination }) => kind === 'syn' && destination === address)
    .map(({ provider }) => provider)
    .sort();
}

test('a route of one family only carries that family', async () => {
  await withGateway(
    {
      providers: [
        { name: 'a', families: ['ipv4'], link: { delayMs: 5 } },
        { name: 'b', link: { delayMs: 15 } },
        { name: 'c', families: ['ipv6'], link: { delayMs: 25 } },
      ],
    },
    {},
    async ({ lab }) => {
      await lab.server().echo({ ports: [PORT] });
      connectMs(await lab.client().connect({ targets: BOTH, bytes: 1000 }));
      expect(await halfOpen(lab)).toBe(0);
      const trace = await lab.wire.trace();
      expect(synsTo(trace, NEAR)).toEqual(['a', 'b']);
      expect(synsTo(trace, NEAR6)).toEqual(['b', 'c']);
    },
  );
});

test('a pool of addresses: clients are spread, one client has one address, raced or not', async () => {
  await withGateway(
    {
      lan: { clients: 24 },
      providers: [
        { name: 'a', addresses: 4, link: { delayMs: 5 } },
        { name: 'b', addresses: 3, link: { delayMs: 15 } },
      ],
    },
    { config: { services: [{ name: 'web', match: { tcp: PORT }, select: 'race' }], rest: { route: 'a' } } },
    async ({ lab }) => {
      const echo = await lab.server().echo({ ports: [PORT, 9] });
      const client = lab.client();
      const expectPaired = async (family: 'ipv4' | 'ipv6', address: string): Promise<void> => {
        await lab.wire.reset();
        const sources = lab.clients.map((each) => each[family]);
        const raced = await client.connect({ targets: [{ address, port: PORT }], count: 72, sources });
        const rest = await client.connect({ targets: [{ address, port: 9 }], count: 24, sources });
        connectMs([...raced, ...rest]);
        const used = new Map<string, Set<string>>();
        for (const { remoteAddress, remotePort, localPort } of await echo.connections()) {
          const result = (localPort === PORT ? raced : rest).find(({ source }) => source.port === remotePort);
          if (result === undefined) continue;
          const own = used.get(result.source.address) ?? new Set();
          used.set(result.source.address, own.add(remoteAddress));
        }
        expect([...used.values()].filter(({ size }) => size !== 1)).toEqual([]);
        const all = new Set([...used.values()].flatMap((own) => [...own]));
        expect(all.size).toBe(4);
        // The losing route has its own pool, and spreads, too.
        const losers = (await lab.wire.trace({ provider: 'b', kind: 'syn' })).map(({ source }) => source);
        expect(new Set(losers).size).toBe(3);
        await echo.forget();
      };
      await expectPaired('ipv4', NEAR);
      await expectPaired('ipv6', NEAR6);
    },
  );
});

test.each([
  ['wins', 5, 15],
  ['loses', 15, 5],
] as const)('a route without translation %s', async (_, plainMs, otherMs) => {
  await withGateway(
    {
      providers: [
        { name: 'plain', translate: false, link: { delayMs: plainMs } },
        { name: 'other', link: { delayMs: otherMs } },
      ],
    },
    { config: { rest: { route: 'other' } } },
    async ({ lab }) => {
      const echo = await lab.server().echo({ ports: [PORT] });
      const { ipv4, ipv6 } = clientAddress(0);
      const results = await lab.client().connect({ targets: BOTH, count: 10, bytes: 3000 });
      connectMs(results);
      expect(await halfOpen(lab)).toBe(0);
      const expected = plainMs < otherMs ? [ipv4, ipv6] : ['203.0.2.2', 'fd03:2::2'];
      const records = await echo.connections();
      expect(new Set(records.map(({ remoteAddress }) => remoteAddress))).toEqual(new Set(expected));
      expect(records.length).toBe(10);
      const out = (await lab.wire.trace({ direction: 'out' })).filter(({ protocol }) => protocol === 'tcp');
      for (const { provider, source } of out) {
        expect(provider === 'plain' ? [ipv4, ipv6] : ['203.0.2.2', 'fd03:2::2']).toContain(source);
      }
    },
  );
});

describe('segment sizes', () => {
  test('each copy and the answer shown are clamped to their route: the interface and the key `mtu`', async () => {
    await withGateway(
      {
        providers: [
          { name: 'a', mtu: 1400, link: { delayMs: 5 } },
          { name: 'b', link: { delayMs: 15 } },
          { name: 'c', link: { delayMs: 25 } },
        ],
      },
      { config: { routes: { b: { mtu: 1360 } } } },
      async ({ lab }) => {
        await lab.server().echo({ ports: [PORT] });
        const shown = new Tap(lab.client(), 'eth0', {
          to: '02:00:00:00:00:00',
          keep: ({ kind }) => kind === 'synack',
        });
        for (const first of ['a', 'b', 'c']) {
          for (const name of ['a', 'b', 'c']) await lab.link(name).set({ delayMs: name === first ? 5 : 25 });
          await lab.wire.reset();
          shown.received.length = 0;
          const mtu = { a: 1400, b: 1360, c: 1500 };
          connectMs(await lab.client().connect({ targets: BOTH, bytes: 30_000 }));
          for (const [address, header] of [
            [NEAR, 40],
            [NEAR6, 60],
          ] as const) {
            const syns = await lab.wire.trace({ kind: 'syn', address });
            expect(Object.fromEntries(syns.map(({ provider, mss }) => [provider, mss]))).toEqual({
              a: mtu.a - header,
              b: mtu.b - header,
              c: mtu.c - header,
            });
            const answer = shown.received.find(({ source }) => source === address);
            expect(answer?.mss).toBe(mtu[first as 'a'] - header);
          }
        }
        shown.close();
      },
    );
  });

  test('a path smaller than the interface tells by ICMP, and a large transfer works', async () => {
    await withGateway(
      {
        providers: [
          { name: 'a', link: { delayMs: 5, pathMtu: 1300 } },
          { name: 'b', link: { delayMs: 25 } },
        ],
      },
      {},
      async ({ lab }) => {
        const echo = await lab.server().echo({ ports: [PORT] });
        const results = await lab.client().connect({ targets: BOTH, bytes: 400_000, timeoutMs: 8000 });
        connectMs(results);
        const reports = await lab.wire.trace({ provider: 'a', direction: 'in', kind: 'icmp-error' });
        expect(reports.map(({ icmp }) => `${icmp?.type}/${icmp?.code}`)).toEqual(
          expect.arrayContaining(['3/4', '2/0']),
        );
        expect(await echo.count()).toMatchObject({ bytes: 800_000 });
      },
    );
  });
});

describe('providers that meddle', () => {
  test('options stripped on the fastest route, byte-exact all the same', async () => {
    await withGateway(
      {
        providers: [
          { name: 'a', link: { delayMs: 5, stripOptions: [3, 4, 8] } },
          { name: 'b', link: { delayMs: 15 } },
        ],
      },
      {},
      async ({ lab }) => {
        const echo = await lab.server().echo({ ports: [PORT] });
        connectMs(await lab.client().connect({ targets: BOTH, count: 6, bytes: 300_000 }));
        expect(await echo.count()).toMatchObject({ accepted: 6, bytes: 1_800_000 });
        const remote = (await echo.connections()).map(({ remoteAddress }) => remoteAddress);
        expect(new Set(remote)).toEqual(new Set(['203.0.1.2', 'fd03:1::2']));
      },
    );
  });

  test('a provider that answers SYNs itself wins by the rule, and the real answers are reset', async () => {
    await withGateway(
      {
        providers: [
          { name: 'a', link: { delayMs: 20, answersSyn: true } },
          { name: 'b', link: { delayMs: 10 } },
        ],
        servers: [{ name: 'near' }, { name: 'far' }],
      },
      {},
      async ({ lab }) => {
        await lab.server().echo({ ports: [PORT] });
        const [result] = await lab.client().connect({
          targets: [{ address: FAR, port: PORT }],
          bytes: 10,
          timeoutMs: 1000,
        });
        // First reply wins, also a false one; issue 2 says so. That nothing is left behind is what must hold.
        expect(result).toMatchObject({ connected: true, ok: false });
        expect(await halfOpen(lab)).toBe(0);
      },
    );
  });

  test('a blackhole on two of three routes delays nobody', async () => {
    await withGateway(
      {
        providers: [
          { name: 'a', link: { delayMs: 5, blackhole: true } },
          { name: 'b', link: { delayMs: 5, silent: true } },
          { name: 'c', link: { delayMs: 15 } },
        ],
      },
      {},
      async ({ lab }) => {
        await lab.server().echo({ ports: [PORT] });
        const results = await lab
          .client()
          .connect({ targets: BOTH, count: 100, concurrency: 10, bytes: 100 });
        expect(Math.max(...connectMs(results))).toBeLessThan(200);
        expect(percentile(connectMs(results), 0.5)).toBeLessThan(50);
      },
    );
  });
});

/** Fast Open of a real client: copies carry neither the option nor data, and the request arrives once. */
test('curl with TCP Fast Open', async () => {
  await withGateway(
    {
      providers: [
        { name: 'a', link: { delayMs: 5 } },
        { name: 'b', link: { delayMs: 15 } },
      ],
    },
    {},
    async ({ lab }: { lab: Lab }) => {
      await lab.client().sysctl({ 'net.ipv4.tcp_fastopen': 0x5 }); // client, data in the SYN without a cookie
      const nginx = await lab.server().nginx({ ports: [80], bodyBytes: 2000 });
      for (const url of [`http://${NEAR}/`, `http://[${NEAR6}]/`]) {
        const page = await lab.client().curl(url, ['--tcp-fastopen']);
        expect(page).toMatchObject({ ok: true, bytes: 2000 });
      }
      await nginx.stop();
      const syns = await eventually(
        () => lab.wire.trace({ kind: 'syn' }),
        (seen) => seen.length >= 4,
        1000,
      );
      expect(syns.length).toBe(4);
      for (const { options, length } of syns) {
        expect(options).not.toContain(34);
        expect(length).toBe(0);
      }
    },
  );
});
