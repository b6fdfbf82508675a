/** How soon a route is down that has lost its carrier or its address. */
import { expect, test } from 'vitest';
import type { RouteStatus } from '../../src/api/contract.js';
import { eventually, percentile, withGateway } from './support/gateway-lab.js';
import { restoreUplink, routeOf, setCarrier, untilState } from './support/routes.js';

const SCENARIO = { providers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] };
const CONFIG = { routes: { b: { addresses: 'auto' } } };

test('is down within 200 ms of losing its carrier or its address, and says why and since when', async () => {
  await withGateway(SCENARIO, { config: CONFIG, topologyChanges: true }, async (made) => {
    const took: Record<string, number[]> = { carrier: [], address: [], 'address-auto': [] };
    for (let round = 0; round < 5; round++) {
      for (const [what, name, number] of [
        ['carrier', 'a', 1],
        ['address', 'c', 3],
        ['address-auto', 'b', 2],
      ] as const) {
        const before = Date.now();
        const startedAt = performance.now();
        if (what === 'carrier') await setCarrier(made, number, false);
        else await made.lab.gateway.must(['ip', 'addr', 'flush', 'dev', `wan${number}`, 'scope', 'global']);
        const route = await untilState(made, name, 'down', 2000);
        took[what].push(performance.now() - startedAt);
        expect(route).toMatchObject({
          state: 'down',
          reasons: [what === 'carrier' ? 'no-carrier' : 'no-address'],
        });
        expect(Date.parse(route.since)).toBeGreaterThanOrEqual(before - 2);
        expect(Date.parse(route.since)).toBeLessThanOrEqual(Date.now() + 2);
        if (what === 'carrier') await setCarrier(made, number, true);
        else await restoreUplink(made, number);
        // Nothing has been heard of it yet: it must prove itself. Its families come back one after the other.
        const proving = ({ state, reasons }: RouteStatus): boolean =>
          state === 'suspect' && reasons.every((reason) => reason.endsWith('returned'));
        expect(await eventually(() => routeOf(made, name), proving, 2000)).toSatisfy(proving);
      }
    }
    for (const [what, times] of Object.entries(took)) {
      process.stderr.write(`down after losing its ${what}: ${times.map((t) => t.toFixed(0)).join(' ')} ms\n`);
      expect(percentile(times, 0.5)).toBeLessThan(200);
    }
  });
});
