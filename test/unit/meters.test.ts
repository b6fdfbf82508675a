/** Times of the routes' own checks: how long they count. */
import { describe, expect, it } from 'vitest';
import { Accounts } from '../../src/daemon/accounts.js';
import { localTime } from '../../src/daemon/local-time.js';
import { measure } from '../../src/daemon/measuring.js';
import { Meters } from '../../src/daemon/meters.js';
import { Numbers } from '../../src/daemon/numbers.js';
import { monotonicMs } from '../../src/kernel/clock.js';
import { TrafficMeter } from '../../src/kernel/traffic.js';
import { config } from '../golden/states.js';

const YAML = `
lan: lan0
routes:
  a: { interface: wan1, addresses: 203.0.113.2, gateway: 203.0.113.1, check: { targets: ping 192.0.2.1, interval: 1s } }
  b: { interface: wan2, addresses: 198.51.100.2, gateway: 198.51.100.1, check: { targets: ping 192.0.2.1, interval: 30s } }
rest: { route: a }
`;

/** What a criterion sees of the two routes; each of their checks: how long ago, and how long it took. */
function probes(services: string, a: readonly (readonly [number, number])[], b: typeof a = []): number[] {
  const parsed = config(`${YAML}${services}`);
  const numbers = new Numbers(4);
  numbers.assign(['a', 'b']);
  const meters = new Meters(4, new TrafficMeter(), new Accounts(localTime(), ''));
  const now = monotonicMs();
  for (const [name, list] of [['a', a] as const, ['b', b] as const])
    for (const [ago, micros] of list) meters.noteProbe(name, micros, now - ago);
  measure(parsed, numbers, meters);
  return [...meters.facts.probe.subarray(1, 3)];
}

const service = (name: string, period: string): string =>
  `  - { name: ${name}, match: { tcp: 1 }, select: { criterion: fastest-probe, period: ${period} } }\n`;
const TURNED = [
  ...Array.from({ length: 30 }, (_, i) => [40_000 - i * 1000, 90_000] as const),
  [3000, 10_000],
] as const;

describe('the time of a route', () => {
  it('is the median of its period, however short that is', () => {
    expect(probes(`services:\n${service('quick', '5s')}`, TURNED)[0]).toBe(10_000);
    expect(probes(`services:\n${service('slow', '1m')}`, TURNED)[0]).toBe(90_000);
  });

  it('follows as quickly as the quickest service wants', () => {
    expect(probes(`services:\n${service('slow', '10m')}${service('quick', '5s')}`, TURNED)[0]).toBe(10_000);
  });

  it('is that of the last two checks where the period has none', () => {
    const checks = [
      [70_000, 90_000],
      [45_000, 20_000],
    ] as const;
    expect(probes(`services:\n${service('quick', '5s')}`, [], checks)[1]).toBe(20_000);
    expect(probes(`services:\n${service('quick', '5s')}`, checks)[0]).toBe(0);
  });

  it('counts for a minute where no service goes by it', () => {
    expect(probes('', TURNED)[0]).toBe(90_000);
  });
});
