/** Questions by UDP through the whole simulated site: clients that ask again, the gateway's own kernel, name servers and servers of QUIC. */
import { describe, expect, it } from 'vitest';
import type { AskResult, SimAsker } from '../../src/sim/datagram-client.js';
import { DNS_PORT, dnsQuestion, QUIC_PORT, type Question, quicQuestion } from '../../src/sim/datagrams.js';
import type { Family, Link, Scenario } from '../../src/sim/scenario.js';
import { serviceOver, World, type WorldOptions } from '../../src/sim/world.js';

const KINDS: readonly (readonly [string, number, () => Question])[] = [
  ['DNS', DNS_PORT, () => dnsQuestion('www.example.test', 0x1234)],
  ['QUIC', QUIC_PORT, () => quicQuestion(0x5678_9abc, { further: 5 })],
  ['QUIC of three Initials', QUIC_PORT, () => quicQuestion(0x1357_9bdf, { flight: 3, further: 5 })],
];
const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];
const RACE = serviceOver([1, 2, 3]);

function world(
  links: readonly Partial<Link>[],
  options: WorldOptions = {},
  more: Partial<Scenario> = {},
): World {
  const providers = links.map((link, index) => ({ name: 'abc'[index], link }));
  return new World({ providers, ...more }, { services: [RACE], memory: { trustMicros: 0 }, ...options });
}

const summary = ({ result, winner, micros }: SimAsker): [AskResult, number, number] => [
  result,
  winner,
  micros / 1000,
];
const delays = (...ms: number[]) => ms.map((delayMs) => ({ delayMs }));
/** Datagrams of each provider that have left the gateway, and those that came back. */
const passed = ({ trace }: World, direction: 'out' | 'in'): number[] =>
  [1, 2, 3].map(
    (number) => trace.packets.filter((one) => one.provider === number && one.direction === direction).length,
  );

describe.each(KINDS)('%s', (_, port, question) => {
  const size = question().payloads.length;

  it.each(FAMILIES)(
    'over %s: leaves by all routes, the nearest answer comes back, and the rest of it is the kernel’s',
    (family) => {
      const w = world(delays(30, 10, 20));
      const asker = w.ask({ at: 0, question: question(), port, family });
      w.runUntil(3000);
      expect(summary(asker)).toEqual(['answered', 2, 20]);
      expect(asker.heard.every(({ provider }) => provider === 2)).toBe(true);
      expect(asker.errors).toBe(0);
      const { further = [] } = question();
      expect(passed(w, 'out')).toEqual([size, size + further.length, size]);
      // What is shown: the client's own, and what the three servers have said.
      const said = w.servers[0].datagrams.length - further.length;
      expect(w.gateway.queued).toBeLessThanOrEqual(size + said);
      expect(w.gateway.engine.races.active).toBe(0);
      expect(w.gateway.kernel.conntrack.flows().map(({ route, protocol }) => [route, protocol])).toEqual([
        [2, 17],
      ]);
    },
  );

  it('costs nothing where routes are silent, and one repeat where the packet of the only one is lost', () => {
    const silent = world([{ silent: true }, { delayMs: 10 }, { blackhole: true }]);
    const asker = silent.ask({ at: 0, question: question(), port });
    silent.runUntil(3000);
    expect(summary(asker)).toEqual(['answered', 2, 20]);
    const lost = world(
      [{ silent: true }, { delayMs: 10 }, { silent: true }],
      {},
      { drops: { b: [{ packet: 'udp', count: size }] } },
    );
    const again = lost.ask({ at: 0, question: question(), port });
    lost.runUntil(20_000);
    expect(summary(again)).toEqual(['answered', 2, question().repeats[0] / 1000 + 20]);
    expect(again.asked).toBe(2);
  });

  it('survives the loss of any one packet on the nearest route', () => {
    for (const direction of ['out', 'in'] as const)
      for (let nth = 1; nth <= size; nth++) {
        const drops = { a: [{ packet: 'udp' as const, direction, nth }] };
        const w = world(delays(5, 15, 25), {}, { drops });
        const asker = w.ask({ at: 0, question: question(), port });
        w.runUntil(20_000);
        expect(asker.result).toBe('answered');
        expect(asker.micros).toBeLessThanOrEqual(30_000);
      }
  });

  it('goes by a route that lives after the one that was told of a dead end', () => {
    const w = world([{ delayMs: 1, reject: { '*': 'host-unreachable' } }, { delayMs: 10 }, { delayMs: 20 }]);
    const asker = w.ask({ at: 0, question: question(), port });
    w.runUntil(3000);
    expect([...summary(asker), asker.errors]).toEqual(['answered', 2, 20, 0]);
  });

  it('is told where every route is a dead end, and gives up where nobody says anything', () => {
    const reject = { reject: { '*': 'port-unreachable' as const } };
    const w = world([
      { delayMs: 1, ...reject },
      { delayMs: 2, ...reject },
      { delayMs: 3, ...reject },
    ]);
    const told = w.ask({ at: 0, question: question(), port });
    w.runUntil(3000);
    expect([told.result, told.errors]).toEqual(['refused', 1]);
    const nobody = world([{ silent: true }, { silent: true }, { silent: true }]);
    const asker = nobody.ask({ at: 0, question: question(), port });
    nobody.runUntil(20_000);
    expect(summary(asker)).toEqual(['timeout', 0, 10_000]);
    expect(nobody.gateway.engine.races.active).toBe(0);
  });
});

it('a name server that cannot say is no answer while another may, and is told when none can', () => {
  const w = world(delays(1, 10, 20));
  w.servers[0].behaviour = { answers: { dns: 'servfail' } };
  const asker = w.ask({ at: 0, question: dnsQuestion('a.test', 7), port: DNS_PORT });
  w.schedule.at(15_000, () => {
    w.servers[0].behaviour = {};
  });
  w.runUntil(3000);
  expect(summary(asker)).toEqual(['answered', 3, 40]);
  const all = world(delays(1, 10, 20));
  all.servers[0].behaviour = { answers: { dns: 'servfail' } };
  const refused = all.ask({ at: 0, question: dnsQuestion('a.test', 7), port: DNS_PORT });
  all.runUntil(3000);
  expect(refused.result).toBe('refused');
  expect(refused.heard).toHaveLength(1);
});

it('connections and questions of the same ends are apart', () => {
  const w = world(delays(10, 20, 30));
  const asker = w.ask({ at: 0, question: quicQuestion(1), port: QUIC_PORT });
  const client = w.connect({ at: 0, port: QUIC_PORT, clientPort: asker.options.local.port, bytes: 100 });
  w.runUntil(3000);
  expect([asker.result, client.result]).toEqual(['answered', 'connected']);
  expect(w.gateway.kernel.conntrack.size).toBe(2);
});

it('two hundred questions over routes that lose a tenth of all packets: all are answered that a patient resolver gets answered', () => {
  const link = { loss: 0.1, jitterMs: 5 };
  const w = world(
    [
      { delayMs: 10, ...link },
      { delayMs: 20, ...link },
      { delayMs: 40, ...link },
    ],
    {},
    { seed: 5 },
  );
  const askers = Array.from({ length: 200 }, (_, i) => {
    const question = { ...dnsQuestion(`n${i}.test`, i), repeats: [1_000_000, 3_000_000, 6_000_000] };
    return w.ask({ at: i * 20, question, port: DNS_PORT });
  });
  w.runUntil(30_000);
  expect(askers.filter(({ result }) => result !== 'answered')).toEqual([]);
  // One in fifty would have been asked again by one route; by three hardly any.
  expect(askers.filter(({ asked }) => asked > 1).length).toBeLessThanOrEqual(4);
  expect(w.gateway.engine.races.active).toBe(0);
});
