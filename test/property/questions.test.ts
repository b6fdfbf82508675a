/** Questions by UDP over routes that fail and come back: whoever has a living route is answered. */
import { describe, expect, it } from 'vitest';
import type { SimAsker } from '../../src/sim/datagram-client.js';
import { DNS_PORT, dnsQuestion, QUIC_PORT, quicQuestion } from '../../src/sim/datagrams.js';
import { type Random, random } from '../../src/sim/random.js';
import type { Fault, Link } from '../../src/sim/scenario.js';
import { serviceOver, World } from '../../src/sim/world.js';

const SPAN_MS = 60_000;
const QUESTIONS = 60;
/** When a client gives up. */
const PATIENCE_MS = 10_000;
const REPEATS = [1_000_000, 3_000_000, 7_000_000];
const BAD: readonly Partial<Link>[] = [
  { blackhole: true },
  { blackhole: 'in' },
  { blackhole: 'out' },
  { silent: true },
  { reject: { '*': 'host-unreachable' } },
  { reject: { '*': 'silent' } },
];
const WELL: Partial<Link> = { blackhole: false, silent: false, reject: {} };

interface Outage {
  readonly route: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

const below = (luck: Random, limit: number): number => Math.floor(luck() * limit);

/** A few outages of each route, none of which overlaps the one before. */
function drawOutages(luck: Random, routes: number): { outages: Outage[]; faults: Fault[] } {
  const outages: Outage[] = [];
  const faults: Fault[] = [];
  for (let route = 1; route <= routes; route++) {
    let at = below(luck, SPAN_MS / 2);
    for (let n = below(luck, 3); n > 0; n--) {
      const untilMs = at + 500 + below(luck, 20_000);
      outages.push({ route, fromMs: at, untilMs });
      faults.push({ atMs: at, provider: `p${route}`, set: BAD[below(luck, BAD.length)] });
      faults.push({ atMs: untilMs, provider: `p${route}`, set: WELL });
      at = untilMs + 1 + below(luck, 20_000);
    }
  }
  return { outages, faults };
}

function run(seed: number): { asked: { asker: SimAsker; atMs: number; living: number[] }[]; world: World } {
  const luck = random(seed);
  const count = 2 + below(luck, 3);
  const delays = Array.from({ length: count }, () => 2 + below(luck, luck() < 0.2 ? 400 : 60));
  const { outages, faults } = drawOutages(luck, count);
  const routes = delays.map((_, i) => i + 1);
  const services = [serviceOver(routes, { affinity: luck() < 0.5 ? 'none' : 'client+destination' })];
  const memory = { trustMicros: luck() < 0.5 ? 0 : 600_000_000 };
  const providers = delays.map((delayMs, i) => ({ name: `p${i + 1}`, link: { delayMs } }));
  const servers = [{ name: 'one' }, { name: 'other' }];
  const world = new World({ seed, providers, servers, faults, lan: { clients: 4 } }, { services, memory });
  const asked = Array.from({ length: QUESTIONS }, (_, i) => {
    const atMs = below(luck, SPAN_MS);
    const isDns = luck() < 0.5;
    const question = { ...(isDns ? dnsQuestion(`n${i}.test`, i) : quicQuestion(i + 1)), repeats: REPEATS };
    const to = servers[below(luck, 2)].name;
    const asker = world.ask({
      at: atMs,
      question,
      port: isDns ? DNS_PORT : QUIC_PORT,
      to,
      client: below(luck, 4),
    });
    const living = routes.filter((route) =>
      outages.every((one) => one.route !== route || one.untilMs <= atMs || one.fromMs >= atMs + PATIENCE_MS),
    );
    return { asker, atMs, living };
  });
  world.runUntil(SPAN_MS + 2 * PATIENCE_MS);
  return { asked, world };
}

describe.each([1, 2, 3, 4])('twenty-five sites, %i', (part) => {
  it('every question is answered that has a living route from first to last', () => {
    let judged = 0;
    for (let seed = part * 1000; seed < part * 1000 + 25; seed++) {
      const { asked, world } = run(seed);
      for (const [index, { asker, atMs, living }] of asked.entries()) {
        if (living.length === 0) continue;
        judged++;
        expect([asker.result, `seed ${seed} question ${index} at ${atMs} living ${living}`]).toEqual([
          'answered',
          `seed ${seed} question ${index} at ${atMs} living ${living}`,
        ]);
      }
      expect(world.gateway.engine.races.active, `seed ${seed}`).toBe(0);
    }
    expect(judged).toBeGreaterThan(750);
  });
});
