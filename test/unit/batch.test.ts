/** The end of a batch: what becomes of set-ups whose copies the kernel has refused, and in which order a front end hears of it. */
import { describe, expect, it } from 'vitest';
import { Batch, type BatchPorts } from '../../src/core/batch.js';
import type { Input } from '../../src/core/contract.js';
import { Engine } from '../../src/core/engine.js';
import type { RaceId, RouteNumber } from '../../src/core/engine-types.js';
import { NO_RACE } from '../../src/core/race/table.js';
import { createShard } from '../../src/core/shard.js';
import { createSite } from '../../src/core/site.js';
import { SINGLE_REASONS } from '../../src/model/reasons.js';
import { tcpPacket } from '../../src/sim/packets.js';
import { DEFAULT_SETTINGS, serviceOver } from '../../src/sim/world.js';
import { createPacket, DECODE, decode, FLAG } from '../../src/wire/packet.js';
import { viewed } from '../../src/wire/viewed-bytes.js';
import { CLIENT, ISN, routes, SERVER } from '../sim/engine-harness.js';

const NO_MEMORY = { trustMicros: 0, forgetMicros: 0, refresh: 0, stagger: 'never' } as const;

/** A front end whose copies by some routes are refused. */
class Refusing implements BatchPorts {
  readonly said: string[] = [];
  /** Routes by which nothing can leave. */
  closed: readonly RouteNumber[] = [];
  readonly engine: Engine;
  readonly batch: Batch;
  private readonly waiting: [RaceId, RouteNumber][] = [];
  private readonly unsent: [RaceId, RouteNumber][] = [];
  private readonly packet = createPacket();

  constructor(count: number) {
    const wire = {
      attempt: (race: RaceId, route: RouteNumber) => void this.waiting.push([race, route]),
      cancel: (_race: RaceId, route: RouteNumber) => void this.said.push(`reset ${route}`),
      refuse: () => {},
      reject: () => {},
    };
    this.engine = new Engine(createSite(DEFAULT_SETTINGS), createShard(DEFAULT_SETTINGS), { wire });
    this.engine.setRoutes(routes(count), 0);
    this.batch = new Batch(this.engine, this);
  }

  /** Packet `id`, of a client's port of its own. */
  setup(id: number, fields: Partial<Input & { kind: 'setup' }> = {}): RaceId {
    const from = { ...CLIENT, port: CLIENT.port + id };
    const bytes = tcpPacket({ from, to: SERVER, sequence: ISN, acknowledgement: 0, flags: FLAG.SYN });
    expect(decode(this.packet, viewed(bytes), 0, bytes.length)).toBe(DECODE.OK);
    return this.batch.take(id, { kind: 'setup', packet: this.packet, service: 0, tried: 0, ...fields }, 1000);
  }

  end(): string[] {
    this.batch.end(1000);
    return this.said.splice(0);
  }

  count(reason: (typeof SINGLE_REASONS)[number]): number {
    return this.engine.counters.single[SINGLE_REASONS.indexOf(reason)];
  }

  sendPackets(): boolean {
    if (this.waiting.length === 0) return false;
    for (const [race, route] of this.waiting.splice(0)) {
      if (this.closed.includes(route)) this.unsent.push([race, route]);
      else this.said.push(`copy ${route}`);
    }
    return true;
  }

  takeUnsent(each: (race: RaceId, route: RouteNumber) => void): void {
    for (const [race, route] of this.unsent.splice(0)) each(race, route);
  }

  judgeSetup(id: number, { kind, route, reason }: Parameters<BatchPorts['judgeSetup']>[1]): void {
    this.said.push(kind === 'release' ? `${id} goes on by ${route}: ${reason}` : `${id} ${kind}`);
  }

  writeEntries(): void {}
  isBound(): boolean {
    return true;
  }
  judgeAnswer(): void {}
  judgeWinner(): void {}
  sendAnswers(): void {}
  sendSetups(): void {}
}

describe('a set-up whose copies are refused', () => {
  it('ends where one copy has left', () => {
    const front = new Refusing(2);
    front.closed = [1];
    expect(front.setup(1)).not.toBe(NO_RACE);
    expect(front.end()).toEqual(['copy 2', '1 drop']);
    expect(front.count('copies-refused')).toBe(0);
  });

  it('goes on by itself where none has left, and no other of its batch', () => {
    const front = new Refusing(2);
    front.closed = [1, 2];
    front.setup(1);
    front.setup(2);
    expect(front.end()).toEqual(['1 goes on by 0: copies-refused', '2 goes on by 0: copies-refused']);
    expect(front.count('copies-refused')).toBe(2);
    expect(front.engine.races.active).toBe(0);
    front.closed = [];
    front.setup(1);
    expect(front.end()).toEqual(['copy 1', 'copy 2', '1 drop']);
  });

  it('goes on by itself when the single copy of a race of one is refused', () => {
    const front = new Refusing(2);
    front.engine.setServices([serviceOver([2], { criterion: 'fixed' })], NO_MEMORY, []);
    front.setup(1, { routed: 1, service: 1 });
    expect(front.end()).toEqual(['copy 2', '1 drop']);
    front.closed = [2];
    front.setup(2, { routed: 1, service: 1 });
    expect(front.end()).toEqual(['2 goes on by 0: copies-refused']);
  });
});

describe('a set-up that must not be copied', () => {
  it('goes on as it is when its entry stays', () => {
    const front = new Refusing(2);
    expect(front.setup(1, { routed: 2, stays: true })).toBe(NO_RACE);
    expect(front.end()).toEqual(['1 goes on by 0: entry-kept']);
  });

  it('goes by one route when the operator’s rules may give it another source', () => {
    const front = new Refusing(2);
    expect(front.setup(1, { mayCopy: false })).toBe(NO_RACE);
    expect(front.end()).toEqual(['1 goes on by 1: operator-rule']);
  });
});
