/** The engine told in the words of a front end in user space: connections in place of packets. */
import { describe, expect, it } from 'vitest';
import type { AttemptOutcome, Verdict, WireSink } from '../../src/core/contract.js';
import { Engine } from '../../src/core/engine.js';
import type { MemorySettings, RaceId, RouteNumber } from '../../src/core/engine-types.js';
import { SOCKET } from '../../src/core/protocols/socket.js';
import { createShard } from '../../src/core/shard.js';
import { createSite } from '../../src/core/site.js';
import { ANSWER } from '../../src/model/reasons.js';
import { DEFAULT_MEMORY, DEFAULT_SETTINGS, serviceOver } from '../../src/sim/world.js';
import { createPacket } from '../../src/wire/packet.js';
import { CLIENT, routes, SERVER } from '../sim/engine-harness.js';

/** As a proxy would be: it opens sockets when it is asked to, and closes them. It has no kernel to tell anything. */
class SocketFrontEnd implements WireSink {
  readonly engine: Engine;
  readonly did: string[] = [];
  /** Attempts that are being made: their outcome is still to be told. */
  readonly open = new Set<string>();
  now = 0;
  private readonly packet = createPacket();

  constructor(count = 3, memory: Partial<MemorySettings> = {}) {
    const settings = { ...DEFAULT_SETTINGS, routes: count };
    this.engine = new Engine(createSite(settings), createShard(settings), { wire: this });
    this.engine.setRoutes(routes(count), 0);
    this.engine.setServices([serviceOver([1, 2, 3].slice(0, count))], { ...DEFAULT_MEMORY, ...memory }, []);
  }

  connect(port = CLIENT.port): Verdict {
    const { packet } = this;
    packet.protocol = SOCKET;
    packet.family = 4;
    packet.source.set(CLIENT.address);
    packet.sourcePort = port;
    packet.destination.set(SERVER.address);
    packet.destinationPort = SERVER.port;
    return this.engine.handle({ kind: 'setup', packet, service: 1, tried: 0 }, this.now);
  }

  tell(route: RouteNumber, outcome: AttemptOutcome, race: RaceId = 0, at = this.now): Verdict {
    this.open.delete(`${race} ${route}`);
    return this.engine.handle({ kind: 'outcome', race, route, outcome, at }, this.now);
  }

  pass(milliseconds: number): void {
    this.now += milliseconds * 1000;
    while (this.engine.nextDeadline() <= this.now) this.engine.note({ kind: 'tick' }, this.now);
  }

  attempt(race: RaceId, route: RouteNumber): void {
    this.did.push(`open ${route}`);
    this.open.add(`${race} ${route}`);
  }
  cancel(race: RaceId, route: RouteNumber): void {
    this.did.push(`close ${route}`);
    this.open.delete(`${race} ${route}`);
  }
  refuse(): void {
    this.did.push('refuse');
  }
  reject(_race: RaceId, route: RouteNumber): void {
    this.did.push(`error of ${route}`);
  }
}

describe('connections in place of packets', () => {
  it('one is opened on every route; the first that is established carries, at the time that is told', () => {
    const proxy = new SocketFrontEnd();
    expect(proxy.connect().kind).toBe('drop');
    expect(proxy.did).toEqual(['open 1', 'open 2', 'open 3']);
    proxy.now = 30_000;
    expect(proxy.tell(2, 'answered', 0, 12_000)).toMatchObject({ kind: 'commit', race: 0, route: 2 });
    const { memory, counters } = proxy.engine;
    expect(memory.rttOf(memory.find(SERVER.address, 0), 2)).toBe(12_000);
    expect(counters.decided).toBe(1);
  });

  it('a loser that is established later is measured and closed; what is not established by then is closed, too', () => {
    const proxy = new SocketFrontEnd();
    proxy.connect();
    proxy.now = 10_000;
    proxy.tell(1, 'answered');
    proxy.now = 40_000;
    expect(proxy.tell(3, 'answered').kind).toBe('drop');
    expect(proxy.did.slice(3)).toEqual(['close 3']);
    proxy.pass(5000);
    expect(proxy.did.slice(3)).toEqual(['close 3', 'close 2']);
    expect(proxy.open).toEqual(new Set());
    expect(proxy.engine.races.active).toBe(0);
    const { memory } = proxy.engine;
    const slot = memory.find(SERVER.address, 0);
    expect([1, 3].map((route) => memory.rttOf(slot, route))).toEqual([10_000, 40_000]);
  });

  it('refused and failed ones wait for the others; the client gets the error that says most', () => {
    const proxy = new SocketFrontEnd();
    proxy.connect();
    proxy.tell(1, 'failed');
    proxy.tell(3, 'refused');
    expect(proxy.did.slice(3)).toEqual([]);
    proxy.tell(2, 'failed');
    expect(proxy.did.slice(3)).toEqual(['error of 3']);
    const [{ reason, answers }] = proxy.engine.latestDecisions(1);
    expect(reason).toBe('all-routes-negative');
    expect(answers.map(({ answer }) => answer)).toEqual([ANSWER.FAILED, ANSWER.FAILED, ANSWER.REFUSED]);
  });

  it('a refused one does not keep another from carrying', () => {
    const proxy = new SocketFrontEnd();
    proxy.connect();
    proxy.tell(1, 'refused');
    expect(proxy.tell(2, 'answered')).toMatchObject({ kind: 'commit', route: 2 });
  });

  it('what is told too late, twice, of no race or of no attempt says nothing', () => {
    const proxy = new SocketFrontEnd(2);
    proxy.connect();
    for (const [race, route] of [
      [0, 0],
      [0, 3],
      [0, 77],
      [1, 1],
      [-1, 1],
      [9999, 1],
      [Number.NaN, 1],
    ])
      expect(proxy.tell(route, 'answered', race).kind).toBe('drop');
    expect(proxy.engine.counters.decided).toBe(0);
    proxy.tell(1, 'answered');
    expect(proxy.tell(1, 'answered').kind).toBe('pass');
    proxy.tell(2, 'answered');
    expect(proxy.engine.races.active).toBe(0);
    expect(proxy.tell(2, 'answered').kind).toBe('drop');
    expect(proxy.engine.counters.decided).toBe(1);
  });

  it('every attempt has an outcome or is closed, also when the table is full', () => {
    const proxy = new SocketFrontEnd(3, { trustMicros: 0 });
    for (let i = 0; i < 300; i++) {
      proxy.connect(20_000 + i);
      proxy.now += 1000;
      const races = [...proxy.open].map((name) => name.split(' ').map(Number));
      const [race, route] = races[races.length - 1];
      proxy.tell(route, 'answered', race);
    }
    proxy.pass(10_000);
    expect(proxy.open).toEqual(new Set());
    expect(proxy.engine.races.active).toBe(0);
  });

  it('is remembered like any other: the next one uses one route', () => {
    const proxy = new SocketFrontEnd();
    proxy.connect();
    proxy.now = 5000;
    proxy.tell(2, 'answered');
    proxy.now = 9000;
    proxy.tell(1, 'answered');
    proxy.tell(3, 'answered');
    proxy.now = 10_000;
    expect(proxy.connect(50_000)).toMatchObject({ kind: 'release', route: 2, reason: 'remembered' });
  });
});
