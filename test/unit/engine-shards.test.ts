/** Several engines of one site: each has its own connections, all have the same routes, clients and health. */
import { describe, expect, it } from 'vitest';
import type { WireSink } from '../../src/core/contract.js';
import { Engine } from '../../src/core/engine.js';
import type { EngineSettings } from '../../src/core/engine-types.js';
import { createShard } from '../../src/core/shard.js';
import { createSite } from '../../src/core/site.js';
import { type Endpoint, readPacket, SYN_ACK_OPTIONS, tcpPacket } from '../../src/sim/packets.js';
import { DEFAULT_MEMORY, DEFAULT_SETTINGS, serviceOver } from '../../src/sim/world.js';
import { FLAG } from '../../src/wire/packet.js';
import { CLIENT, routes, SERVER, SYN_ACK, words } from '../sim/engine-harness.js';

function compose(count: number, change: Partial<EngineSettings> = {}): { engines: Engine[]; sent: string[] } {
  const settings = { ...DEFAULT_SETTINGS, routes: 2, racePorts: { from: 32_768, to: 60_999 }, ...change };
  const site = createSite(settings);
  const sent: string[] = [];
  const engines = Array.from({ length: count }, (_, i) => {
    const wire: WireSink = {
      attempt: (_race, route) => sent.push(`${i} attempt ${route}`),
      cancel: (_race, route) => sent.push(`${i} cancel ${route}`),
      refuse: () => sent.push(`${i} refuse`),
      reject: (_race, route) => sent.push(`${i} reject ${route}`),
    };
    return new Engine(site, createShard(settings), { wire });
  });
  engines[0].setRoutes(
    routes(2, () => ({ checkFails: 1 })),
    0,
  );
  engines[0].setServices([serviceOver([1, 2])], DEFAULT_MEMORY, []);
  return { engines, sent };
}

function setup(engine: Engine, now: number, destination: Endpoint = SERVER, port = CLIENT.port): string {
  const from = { ...CLIENT, port };
  const syn = tcpPacket({ from, to: destination, sequence: 1, acknowledgement: 0, flags: FLAG.SYN });
  return engine.handle({ kind: 'setup', packet: readPacket(syn)!, service: 1, tried: 0 }, now).kind;
}

function answer(engine: Engine, route: number, now: number, destination: Endpoint = SERVER): string {
  const to = { address: words(`203.0.${route}.2`), port: CLIENT.port };
  const flags = SYN_ACK;
  const options = SYN_ACK_OPTIONS;
  const packet = readPacket(
    tcpPacket({ from: destination, to, sequence: 9, acknowledgement: 2, flags, options }),
  )!;
  return engine.handle({ kind: 'answer', packet, interfaceIndex: 10 + route, known: true }, now).kind;
}

describe('two engines of one site', () => {
  it('race the same flow each for itself, and answer only for their own', () => {
    const { engines, sent } = compose(2);
    expect(setup(engines[0], 0)).toBe('drop');
    expect(answer(engines[1], 1, 1000)).toBe('pass');
    expect(answer(engines[0], 1, 1000)).toBe('commit');
    expect(engines.map(({ counters }) => counters.started)).toEqual([1, 0]);
    expect(sent).toEqual(['0 attempt 1', '0 attempt 2']);
  });

  it('share routes and services: what one is told, the other knows', () => {
    const { engines } = compose(2);
    engines[1].setRoutes(
      routes(2, ({ number }) => ({ usable: { 4: number === 2, 6: true } })),
      0,
    );
    expect(setup(engines[0], 0)).toBe('release');
    expect(engines[0].latestDecisions(1)[0]).toMatchObject({ route: 2, reason: 'only-route' });
  });

  it('share health: a route that one has lost is void in the memory of both', () => {
    const { engines } = compose(2);
    for (const engine of engines) {
      setup(engine, 0);
      answer(engine, 1, 1000);
      answer(engine, 2, 2000);
      expect(engine.memory.rttOf(engine.memory.find(SERVER.address, 0), 1)).toBe(1000);
    }
    engines[0].note({ kind: 'checked', route: 1, family: 4, answered: false }, 3000);
    for (const engine of engines) {
      expect(engine.memory.rttOf(engine.memory.find(SERVER.address, 0), 1)).toBe(-1);
      expect(engine.memory.rttOf(engine.memory.find(SERVER.address, 0), 2)).toBe(2000);
    }
  });

  it('share the bounds of a client', () => {
    const { engines } = compose(2, { racesPerClient: 2 });
    const far = (n: number): Endpoint => ({ address: words(`198.51.100.${n}`), port: 443 });
    expect(setup(engines[0], 0, far(1))).toBe('drop');
    expect(setup(engines[1], 0, far(2))).toBe('drop');
    expect(setup(engines[0], 0, far(3))).toBe('release');
    expect(engines[0].latestDecisions(1)[0].reason).toBe('client-race-limit');
  });

  it('decide alike: the same packets give the same as with one engine', () => {
    const one = compose(1);
    const two = compose(2);
    for (let n = 1; n <= 40; n++) {
      const to = { address: words(`198.51.100.${n}`), port: 443 };
      const shard = two.engines[n & 1];
      for (const engine of [one.engines[0], shard]) {
        setup(engine, n * 1000, to);
        answer(engine, 1 + (n % 2), n * 1000 + 300, to);
      }
    }
    expect(two.sent.map((line) => line.slice(2))).toEqual(one.sent.map((line) => line.slice(2)));
  });
});
