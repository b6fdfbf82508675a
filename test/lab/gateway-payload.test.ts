/** `win: first-payload`: the handshake is completed by all routes, and the first bytes of a server decide. */
import { describe, expect, test } from 'vitest';
import type { OpeningPlan, OpeningResult, OpeningServer } from '../../lab/children/opening.js';
import type { Link } from '../../src/sim/scenario.js';
import {
  eventually,
  type GatewayLab,
  type GatewayLabOptions,
  halfOpen,
  NEAR,
  NEAR6,
  PATHRACE,
  withGateway,
} from './support/gateway-lab.js';

const WEB = 80;

const config = (more: object = {}) => ({
  services: [
    { name: 'web', match: { tcp: 'any' }, select: 'race', win: 'first-payload', affinity: 'none', ...more },
  ],
  memory: { trust: '0s' },
});

interface Made {
  readonly made: GatewayLab;
  listen(server: Partial<OpeningServer>): Promise<void>;
  say(plan: Partial<OpeningPlan>): Promise<OpeningResult>;
  heard(): Promise<{ remoteAddress: string; bytes: number; error?: string }[]>;
}

async function withLinks(
  links: readonly Partial<Link>[],
  action: (made: Made) => Promise<void>,
  options: GatewayLabOptions = { config: config() },
): Promise<void> {
  const providers = links.map((link, index) => ({ name: `p${index + 1}`, link }));
  await withGateway({ providers }, options, async (made) => {
    const server = made.lab.server().child('children/opening');
    const client = made.lab.client().child('children/opening');
    await action({
      made,
      listen: (one) => server.ask('listen', { port: WEB, ...one }),
      say: (plan) => client.ask('say', { address: NEAR, port: WEB, ...plan }),
      heard: () => server.ask('heard'),
    });
    await client.stop();
    await server.stop();
  });
}

const delays = (...list: number[]) => list.map((delayMs) => ({ delayMs }));
const first = async (made: GatewayLab, address = NEAR) => (await made.why(address))[0];

/** What comes by a provider goes to another port: to a program in the place of the server. */
async function _divert({ lab }: GatewayLab, number: number, port: number): Promise<void> {
  const table = `table inet divert${number} {
    chain in {
      type nat hook prerouting priority dstnat;
      ip saddr 203.0.${number}.0/24 tcp dport ${WEB} redirect to :${port}
      ip6 saddr fd03:${number}::/64 tcp dport ${WEB} redirect to :${port}
    }
  }`;
  await lab.server().must(['nft', '-f', '-'], { input: table });
}

describe('a page', () => {
  test.each([NEAR, NEAR6])('of %s comes by the nearest route, by each that is it', async (address) => {
    await withLinks(delays(10, 30, 50), async ({ made, listen, say }) => {
      await listen({});
      for (let turn = 0; turn < 3; turn++) {
        const order = [10, 30, 50].map((_, index) => [10, 30, 50][(index + turn) % 3]);
        for (const [at, delayMs] of order.entries()) await made.lab.link(`p${at + 1}`).set({ delayMs });
        await made.lab.wire.reset();
        expect(await say({ address, down: 300_000 })).toMatchObject({ ok: true, down: 300_000 });
        const route = `p${order.indexOf(10) + 1}`;
        expect(await first(made, address)).toMatchObject({ route, reasons: ['first-payload'] });
        expect(await made.lab.wire.trace({ kind: 'syn', direction: 'out' })).toHaveLength(3);
        const data = await made.lab.wire.trace({ kind: 'data', direction: 'in' });
        expect(data.filter(({ provider }) => provider === route).length).toBeGreaterThan(150);
        expect(
          await eventually(
            () => halfOpen(made.lab),
            (n) => n === 0,
            2000,
          ),
        ).toBe(0);
      }
    });
  });

  test.each([NEAR, NEAR6])('of %s whose nearest route has a proxy that only accepts', async (address) => {
    await withLinks(
      [{ delayMs: 1, answersSyn: true }, ...delays(20, 40)],
      async ({ made, listen, say, heard }) => {
        await listen({});
        const result = await say({ address, down: 3_000_000 });
        expect(result).toMatchObject({ ok: true, down: 3_000_000 });
        const decision = await first(made, address);
        expect(decision).toMatchObject({ route: 'p2', reasons: ['first-payload'] });
        expect(decision.routes.find(({ route }) => route === 'p1')).toMatchObject({ intercepted: true });
        const line = [PATHRACE, 'why', address, '--control', made.lab.controlSocket];
        expect(await made.lab.gateway.must(line)).toContain('intercepted');
        // The server has heard the words twice, and knows that one was not meant.
        const all = await eventually(heard, (list) => list.some(({ error }) => error !== undefined), 2000);
        expect(
          all.filter(({ error }) => error === 'ECONNRESET').map(({ remoteAddress }) => remoteAddress),
        ).toEqual([address === NEAR ? '203.0.3.2' : 'fd03:3::2']);
      },
    );
  });
});
