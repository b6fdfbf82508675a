/** `win: first-payload` for what the gateway itself opens: what its other hooks have a part in; the rest is in `gateway-payload-long`. */
import { expect, test } from 'vitest';
import { eventually, halfOpen, NEAR, NEAR6 } from './support/gateway-lab.js';
import { PROXY } from './support/opening-cases.js';
import { delays, first, OPENING_CONFIG, withLinks } from './support/opening-lab.js';

const BY = { config: { lan: ['lan0', 'local'], ...OPENING_CONFIG }, by: 'gateway' } as const;
/** Of the gateway at the third provider. */
const BOUND: Readonly<Record<string, string>> = { [NEAR]: '203.0.3.2', [NEAR6]: 'fd03:3::2' };

test.each([
  [NEAR, false],
  [NEAR6, false],
  [NEAR, true],
  [NEAR6, true],
])(
  'a page of %s behind a proxy that only accepts; bound to another address: %s',
  async (address, isBound) => {
    const action = async ({ made, listen, say, heard }: Parameters<Parameters<typeof withLinks>[1]>[0]) => {
      await listen({});
      const from = isBound ? { from: BOUND[address] } : {};
      expect(await say({ address, down: 3_000_000, ...from })).toMatchObject({ ok: true, down: 3_000_000 });
      const decision = await first(made, address);
      expect(decision).toMatchObject({ route: 'p2', reasons: ['first-payload'] });
      expect(decision.routes.find(({ route }) => route === 'p1')).toMatchObject({ intercepted: true });
      expect(await made.lab.wire.trace({ kind: 'syn', direction: 'out' })).toHaveLength(3);
      const out = (await made.lab.wire.trace({ direction: 'out' })).filter(
        ({ protocol }) => protocol === 'tcp',
      );
      const own = address === NEAR ? /^203\.0\.(\d)\.2$/ : /^fd03:(\d)::2$/;
      for (const packet of out) expect(`p${own.exec(packet.source)?.[1]}`).toBe(packet.provider);
      // One that is reset before its program has heard of it has no address any more.
      const told = async () => (await heard()).flatMap(({ error }) => error ?? []);
      expect(await eventually(told, (list) => list.length === 1, 2000)).toEqual(['ECONNRESET']);
      expect(
        await eventually(
          () => halfOpen(made.lab),
          (n) => n === 0,
          2000,
        ),
      ).toBe(0);
    };
    await withLinks([PROXY, ...delays(20, 30)], action, BY);
  },
);
