/** Connections decided by the first reply of which a sample says when both sides speak: who answers SYNs in servers' places. */
import { describe, expect, it } from 'vitest';
import type { RouteNumber } from '../../src/core/engine-types.js';
import { Samples } from '../../src/core/judge/samples.js';
import { Sightings } from '../../src/core/judge/sightings.js';
import type { Endpoint } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { Harness, SERVER, words } from '../sim/engine-harness.js';

const MS = 1000;

interface Plan {
  /** From the SYN to each route's answer, milliseconds. */
  answers: readonly number[];
  /** From the client's words to the server's; absent: the server says nothing. */
  payload?: number;
  /** The client says nothing before. */
  isGreeted?: boolean;
  port?: number;
}

class SampleHarness extends Harness {
  readonly tellsPayloads: boolean = true;
  released: number[] = [];
  private clientPort = 40_000;

  constructor() {
    super(3);
    this.setServices([serviceOver([1, 2, 3])], { trustMicros: 0 });
  }

  release(race: number): void {
    this.released.push(race);
  }

  /** A connection, from its SYN until nothing more can come of its race. The routes that are called intercepted. */
  connect({ answers, payload, isGreeted = false, port = 443 }: Plan): void {
    const client = { address: words('192.168.1.10'), port: this.clientPort++ };
    const destination = { address: SERVER.address, port };
    this.setup({ client, destination, service: 1 });
    const race = this.raceOf(client, destination);
    expect(race).not.toBe(-1);
    const natPort = this.engine.races.natPort[race];
    const order = answers.map((ms, index) => ({ ms, route: index + 1 })).sort((a, b) => a.ms - b.ms);
    let now = 0;
    let spoken = false;
    const speak = (until: number): void => {
      const at = order[0].ms + (payload ?? 0);
      if (payload === undefined || spoken || at > until) return;
      spoken = true;
      this.pass(at - now);
      now = at;
      if (!isGreeted) this.heard(client, destination, false, order[0].ms * MS);
      this.heard(client, destination, true, at * MS);
    };
    for (const { ms, route } of order) {
      speak(ms);
      this.pass(ms - now);
      now = ms;
      this.answer(route, { from: destination, to: { address: words(`203.0.${route}.2`), port: natPort } });
    }
    speak(Number.POSITIVE_INFINITY);
    this.pass(5000);
  }

  get intercepted(): RouteNumber[][] {
    return this.engine
      .latestDecisions(20)
      .map(({ answers }) => answers.flatMap(({ isIntercepted }, i) => (isIntercepted ? [i + 1] : [])))
      .reverse();
  }

  private heard(client: Endpoint, server: Endpoint, isServer: boolean, at: number): void {
    const flow = {
      family: 4 as const,
      protocol: 6,
      source: client.address,
      sourcePort: client.port,
      destination: server.address,
      destinationPort: server.port,
    };
    this.engine.note({ kind: 'words', flow, isServer, at }, this.now);
  }
}

const FAR = { answers: [1, 40, 60], payload: 45 };

describe('a route whose handshakes are far faster than any payload', () => {
  it('is called intercepted from the third connection on, also of those before', () => {
    const h = new SampleHarness();
    h.connect(FAR);
    h.connect(FAR);
    expect(h.intercepted).toEqual([[], []]);
    h.connect(FAR);
    expect(h.intercepted).toEqual([[1], [1], [1]]);
    h.connect(FAR);
    expect(h.intercepted.at(-1)).toEqual([1]);
    expect(h.released).toEqual([]);
  });

  it.each<[string, Plan]>([
    ['whose servers think for long, as far by one as by the other', { answers: [10, 12, 15], payload: 200 }],
    ['whose servers are near by it alone', { answers: [1, 40, 60], payload: 3 }],
    ['whose words come from nearer than the servers are by others', { answers: [2, 40, 60], payload: 12 }],
    ['whose servers speak first', { answers: [1, 40, 60], payload: 45, isGreeted: true }],
    ['whose servers say nothing', { answers: [1, 40, 60] }],
  ])('but not one %s', (_, plan) => {
    const h = new SampleHarness();
    for (let i = 0; i < 5; i++) h.connect(plan);
    expect(h.intercepted).toEqual([[], [], [], [], []]);
  });

  it('nor one that has brought words at once meanwhile; ports are apart', () => {
    const h = new SampleHarness();
    h.connect(FAR);
    h.connect(FAR);
    h.connect({ ...FAR, payload: 3 });
    h.connect(FAR);
    h.connect({ ...FAR, port: 80 });
    h.connect({ ...FAR, port: 80 });
    h.connect(FAR);
    expect(h.intercepted.flat()).toEqual([]);
    h.connect({ ...FAR, port: 80 });
    expect(h.intercepted).toEqual([[], [], [], [], [1], [1], [], [1]]);
  });

  it('its flow is let go when its server has said nothing until its race is over', () => {
    const h = new SampleHarness();
    h.connect({ answers: [1, 40, 60] });
    expect(h.released).toHaveLength(1);
    expect(h.engine.races.active).toBe(0);
  });
});

describe('bounds', () => {
  it('eight samples in a second, 64 at one time', () => {
    const samples = new Samples(1000);
    const take = (from: number, now: number): number =>
      Array.from({ length: 20 }, (_, i) => samples.take(from + i, now)).filter(Boolean).length;
    let taken = 0;
    for (let second = 0; second < 20; second++) taken += take(second * 20, second * 1_000_000);
    expect(taken).toBe(64);
    samples.release(0);
    expect(take(900, 30_000_000)).toBe(1);
    expect(new Samples(10).take(0, 0)).toBe(true);
  });

  it('64 places are watched; what was seen counts for ten minutes', () => {
    const sightings = new Sightings();
    for (const now of [0, 1, 2]) for (let port = 1; port <= 65; port++) sightings.far(1, port, now, now);
    // The oldest has given way each time before its second.
    expect(sightings.far(1, 1, 9, 3)).toEqual([]);
    const fresh = new Sightings();
    fresh.far(1, 80, 0, 0);
    fresh.far(1, 80, 1, 0);
    expect(fresh.far(1, 80, 2, 601_000_000)).toEqual([]);
    expect(fresh.far(1, 80, 3, 601_000_000)).toEqual([]);
    expect(fresh.far(1, 80, 4, 601_000_000)).toEqual([2, 3, 4]);
  });
});
