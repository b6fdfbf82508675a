/** Routes that differ: one family, several addresses, no translation. */
import { expect, test } from 'vitest';
import type { WirePacket } from '../../lab/index.js';
import { clientAddress } from '../../lab/index.js';
import { connectMs, eventually, halfOpen, NEAR, NEAR6, withGateway } from './support/gateway-lab.js';

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

test('a route without translation wins, and loses', async () => {
  await withGateway(
    {
      providers: [
        { name: 'plain', translate: false, link: { delayMs: 10 } },
        { name: 'other', link: { delayMs: 10 } },
      ],
    },
    { config: { rest: { route: 'other' } } },
    async ({ lab }) => {
      const echo = await lab.server().echo({ ports: [PORT] });
      // Without a link-local address the kernel cannot ask for the next hop of a packet whose source is not its own.
      const addresses = () => lab.gateway.must(['ip', '-6', 'address', 'show', 'dev', 'wan1']);
      expect(await eventually(addresses, (text) => !text.includes('tentative'), 4000)).not.toContain(
        'tentative',
      );
      const { ipv4, ipv6 } = clientAddress(0);
      for (const [plainMs, otherMs, expected] of [
        [5, 15, [ipv4, ipv6]],
        [15, 5, ['203.0.2.2', 'fd03:2::2']],
      ] as const) {
        await lab.link('plain').set({ delayMs: plainMs });
        await lab.link('other').set({ delayMs: otherMs });
        await lab.wire.reset();
        await echo.forget();
        connectMs(await lab.client().connect({ targets: BOTH, count: 10, bytes: 3000 }));
        expect(await halfOpen(lab)).toBe(0);
        const records = await echo.connections();
        expect(new Set(records.map(({ remoteAddress }) => remoteAddress))).toEqual(new Set(expected));
        expect(records.length).toBe(10);
        const out = (await lab.wire.trace({ direction: 'out' })).filter(({ protocol }) => protocol === 'tcp');
        for (const { provider, source } of out) {
          expect(provider === 'plain' ? [ipv4, ipv6] : ['203.0.2.2', 'fd03:2::2']).toContain(source);
        }
      }
    },
  );
});
