import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EngineRoute, MemorySettings } from '../../src/core/engine-types.js';
import { type Endpoint, readPacket } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { FLAG } from '../../src/wire/packet.js';
import { garbage, icmpError, options, segment, word } from '../arbitrary/packets.js';
import { type Effect, Harness, RST_ACK, routes, SYN_ACK, VERDICTS, words } from '../sim/engine-harness.js';
import { checkInvariants } from '../../bench/engine/invariants.js';

/** Few of everything, so that things meet. */
const ROUTES = 4;
const CLIENTS = ['10.0.0.2', '10.0.0.3'];
const CLIENTS6 = ['fd00::2', 'fd00::3'];
const SERVERS = ['198.51.100.1', '198.51.100.2'];
const SERVERS6 = ['2001:db8:100::1', '2001:db8:100::2'];

interface Flow {
  client: Endpoint;
  destination: Endpoint;
  isn: number;
}

/** Everything that can happen. */
type Transition =
  | {
      kind: 'syn';
      flow: number;
      isn: number;
      options: readonly number[];
      ttl: number;
      data: number;
      service: number;
      tried: number;
    }
  | { kind: 'datagram'; flow: number; service: number }
  | { kind: 'checked'; route: number; answered: boolean }
  | { kind: 'session'; begins: boolean; route: number; service: number; counted: boolean }
  | { kind: 'services'; trust: number; stagger: MemorySettings['stagger'] }
  | { kind: 'answer'; flow: number; route: number; flags: number; ack: number | 'right'; known: boolean }
  | {
      kind: 'icmp';
      flow: number;
      route: number;
      type: number;
      code: number;
      mtu: number;
      isn: number | 'right';
    }
  | { kind: 'bytes'; bytes: Uint8Array; route: number; known: boolean }
  | { kind: 'pass'; milliseconds: number }
  | { kind: 'routes'; usable: number; moved: number; drained: number; lastResort: number }
  | { kind: 'not-sent'; attempt: number }
  | { kind: 'commits'; ok: boolean; batch: boolean };

const flow = fc.integer({ min: 0, max: 15 });
const route = fc.integer({ min: 1, max: ROUTES });
/** 0: none names it; 6: one that does not exist. */
const service = fc.constantFrom(0, 0, 1, 1, 2, 3, 4, 5, 6);
const transition: fc.Arbitrary<Transition> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('syn' as const),
      flow,
      isn: fc.integer({ min: 0, max: 2 }),
      options: fc.oneof(
        { weight: 3, arbitrary: fc.constant([2, 4, 5, 180]) },
        { weight: 1, arbitrary: options },
      ),
      ttl: fc.constantFrom(64, 64, 64, 2, 1),
      data: fc.constantFrom(0, 0, 20),
      service,
      tried: fc.constantFrom(0, 0, 0, 1, 2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('datagram' as const), flow, service }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('checked' as const), route, answered: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('session' as const),
      begins: fc.boolean(),
      route: fc.integer({ min: 0, max: ROUTES + 1 }),
      service,
      counted: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('services' as const),
      trust: fc.constantFrom(0, 2_000_000, 600_000_000),
      stagger: fc.constantFrom('always' as const, 'remembered' as const, 'never' as const),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      flow,
      route,
      flags: fc.oneof(
        fc.constantFrom(SYN_ACK, SYN_ACK, RST_ACK, FLAG.RST, FLAG.SYN, FLAG.ACK),
        fc.integer({ min: 0, max: 255 }),
      ),
      ack: fc.oneof({ weight: 3, arbitrary: fc.constant('right' as const) }, { weight: 1, arbitrary: word }),
      known: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('icmp' as const),
      flow,
      route,
      type: fc.constantFrom(1, 2, 3, 11),
      code: fc.constantFrom(0, 1, 3, 4, 13),
      mtu: fc.constantFrom(0, 0, 1280, 40),
      isn: fc.oneof({ weight: 4, arbitrary: fc.constant('right' as const) }, { weight: 1, arbitrary: word }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('bytes' as const),
      bytes: fc.oneof(segment, icmpError, garbage),
      route: fc.integer({ min: 0, max: ROUTES + 1 }),
      known: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      milliseconds: fc.constantFrom(0, 1, 50, 200, 1000, 3000, 6000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('routes' as const),
      usable: fc.integer({ min: 0, max: 15 }),
      moved: fc.integer({ min: 0, max: 15 }),
      drained: fc.constantFrom(0, 0, 0, 1, 2, 12),
      lastResort: fc.constantFrom(0, 0, 8, 12),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('not-sent' as const), attempt: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('commits' as const), ok: fc.boolean(), batch: fc.boolean() }),
  },
);

class Model {
  readonly h = new Harness(ROUTES, {
    races: 6,
    racesPerClient: 4,
    portMemory: 16,
    memorySize: 3,
    racePorts: { from: 40_000, to: 40_015 },
  });
  /** What the kernel's maps hold, by mask and destination. */
  private readonly held = new Set<string>();
  readonly flows: Flow[] = Array.from({ length: 16 }, (_, i) => {
    const [clients, servers] = i < 12 ? [CLIENTS, SERVERS] : [CLIENTS6, SERVERS6];
    return {
      client: { address: words(clients[i & 1]), port: 40_000 + ((i >> 2) & 3) },
      destination: { address: words(servers[(i >> 1) & 1]), port: 443 },
      isn: 0,
    };
  });

  /** Commits that the kernel has not been asked about yet: those of the batch that is being worked on. */
  private readonly waiting: number[] = [];
  private ok = true;

  apply(step: Transition): void {
    const { h } = this;
    // What a front end does only between two batches.
    if (step.kind === 'pass' || step.kind === 'routes' || step.kind === 'commits') this.settle();
    const before = h.all.length;
    const packets = this.act(step);
    const effects = h.all.slice(before);
    const verdicts = effects.filter(({ kind }) => VERDICTS.includes(kind));
    expect(verdicts).toHaveLength(packets);
    this.checkOrder(effects);
    this.checkMaps(effects);
    if (h.commitResult === null) {
      for (const { kind, race } of effects) if (kind === 'commit') this.waiting.push(race!);
    }
    checkInvariants(h.context);
  }

  /** The end of a batch. */
  settle(): void {
    const before = this.h.all.length;
    for (const race of this.waiting.splice(0)) this.h.committed(race, this.ok);
    this.checkMaps(this.h.all.slice(before));
    checkInvariants(this.h.context);
  }

  /** Returns how many packets were in hand. */
  private act(step: Transition): number {
    const { h } = this;
    switch (step.kind) {
      case 'syn': {
        const { client, destination } = this.flows[step.flow];
        this.flows[step.flow].isn = 1000 * (step.isn + 1);
        h.setup({ ...step, client, destination, isn: 1000 * (step.isn + 1) });
        return 1;
      }
      case 'answer': {
        const { client, destination, isn } = this.flows[step.flow];
        const race = h.raceOf(client, destination);
        const to = {
          address: this.sourceOf(step.flow, step.route),
          port: race < 0 ? client.port : h.engine.races.natPort[race],
        };
        if ((step.flags & FLAG.SYN) !== 0 && (step.flags & (FLAG.FIN | FLAG.RST)) !== 0) return 0;
        const acknowledgement = step.ack === 'right' ? isn + 1 : step.ack;
        h.answer(step.route, {
          from: destination,
          to,
          acknowledgement,
          flags: step.flags,
          known: step.known,
        });
        return 1;
      }
      case 'icmp': {
        const { client, destination, isn } = this.flows[step.flow];
        const v6 = step.flow >= 12;
        if (v6 ? step.type === 11 : step.type < 3) return 0;
        const race = h.raceOf(client, destination);
        const source = {
          address: this.sourceOf(step.flow, step.route),
          port: race < 0 ? client.port : h.engine.races.natPort[race],
        };
        h.icmp(step.route, step.type, step.code, {
          source,
          destination,
          isn: step.isn === 'right' ? isn : step.isn,
          mtu: step.mtu,
        });
        return 1;
      }
      case 'bytes': {
        // What does not decode never comes to the engine.
        if (readPacket(step.bytes) === null) return 0;
        if (step.route === 0) h.setupBytes(step.bytes);
        else h.answerBytes(step.route, step.bytes, step.known);
        return 1;
      }
      case 'pass':
        h.pass(step.milliseconds);
        return 0;
      case 'routes':
        h.setRoutes(changedRoutes(step));
        return 0;
      case 'services':
        h.setServices(SERVICES, {
          trustMicros: step.trust,
          forgetMicros: 3 * step.trust,
          stagger: step.stagger,
        });
        // The kernel's maps are made anew.
        this.held.clear();
        h.engine.forgetTold();
        h.engine.refill(0, 3, h.now);
        return 0;
      case 'datagram':
        h.datagram({ ...this.flows[step.flow], service: step.service });
        return 1;
      case 'checked':
        h.checked(step.route, step.answered);
        return 0;
      case 'session':
        h.session(step.begins, step.route, step.service, step.counted);
        for (const count of h.engine.facts.sessions) expect(count).toBeGreaterThanOrEqual(0);
        return 0;
      case 'not-sent': {
        const attempts = h.all.filter(({ kind }) => kind === 'attempt');
        const attempt = attempts[attempts.length - 1 - step.attempt];
        if (attempt !== undefined) h.notSent(attempt.race!, attempt.route!);
        return 0;
      }
      case 'commits':
        this.ok = step.ok;
        h.commitResult = step.batch ? null : step.ok;
        return 0;
    }
  }

  /** Nothing is taken back that was not said, and never more is said than memory holds. */
  private checkMaps(effects: readonly Effect[]): void {
    const { h, held } = this;
    for (const { kind, mask, key, route, ttl, service: of } of effects) {
      if (kind === 'remember') {
        held.add(`${mask} ${key}`);
        expect(ttl).toBeGreaterThan(0);
        expect(h.engine.masks).toContain(mask);
        expect(h.engine.openGeneration(route!, key!.includes(':') ? 6 : 4)).toBeGreaterThan(0);
        expect((1 << route!) & mask!).not.toBe(0);
      } else if (kind === 'unremember') {
        expect(held.delete(`${mask} ${key}`)).toBe(true);
      } else if (kind === 'pin') {
        expect(of).toBe(3);
      }
    }
    expect(held.size).toBeLessThanOrEqual(3 * h.engine.masks.length);
    expect(h.engine.memory.destinations).toBeLessThanOrEqual(3);
  }

  private sourceOf(flow: number, number: number): Int32Array {
    return this.h.engine.routes[number - 1].addresses[flow < 12 ? 4 : 6].slice(0, 4);
  }

  /** Resets are for copies that were sent; nothing is done for a race after its error; at most one commit per packet. */
  private checkOrder(effects: readonly Effect[]): void {
    const commits = effects.filter(({ kind }) => kind === 'commit');
    expect(commits.length).toBeLessThanOrEqual(1);
    const ended = new Set<number>();
    for (const { kind, race } of effects) {
      if (race === undefined) continue;
      if (kind === 'attempt') ended.delete(race);
      expect(ended.has(race)).toBe(false);
      if (kind === 'reject') ended.add(race);
    }
  }
}

const SERVICES = [
  serviceOver([1, 2, 3, 4], { number: 1 }),
  serviceOver([4, 1], { number: 2, costDelayMicros: 10_000 }),
  serviceOver([1, 2, 3], { number: 3, affinity: 'client+prefix', affinityMicros: 3_000_000 }),
  serviceOver([2, 3], { number: 4, criterion: 'least-connections', sessionWeight: 3 }),
  serviceOver([1, 2], { number: 5, translate: false }),
];

function changedRoutes({
  usable,
  moved,
  drained,
  lastResort,
}: Transition & { kind: 'routes' }): EngineRoute[] {
  return routes(ROUTES, (each) => {
    const bit = 1 << (each.number - 1);
    const admin = (drained & bit) !== 0 ? 'draining' : 'enabled';
    const up = (usable & bit) !== 0;
    const address = (moved & bit) !== 0 ? words(`203.0.${each.number}.99`) : each.addresses[4];
    return {
      usable: { 4: up, 6: up },
      addresses: { ...each.addresses, 4: address },
      admin,
      lastResort: (lastResort & bit) !== 0,
      checkFails: 2,
    };
  });
}

const RUNS = Number(process.env.PATHRACE_PROPERTY_RUNS ?? 500);

describe('the engine, whatever happens in whatever order', () => {
  it('gives each packet one verdict, keeps its tables straight, and forgets every race in time', () => {
    fc.assert(
      fc.property(fc.array(transition, { maxLength: 60, size: 'max' }), (steps) => {
        const model = new Model();
        for (const step of steps) model.apply(step);
        model.settle();
        model.h.pass(60_000);
        expect(model.h.engine.races.active).toBe(0);
        expect(model.h.engine.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
        checkInvariants(model.h.context);
      }),
      { numRuns: RUNS },
    );
  });

  it('resets exactly: every cancel carries the ISN + 1 of its race, or the ACK of the packet in hand', () => {
    fc.assert(
      fc.property(fc.array(transition, { maxLength: 40, size: 'max' }), (steps) => {
        const model = new Model();
        for (const step of steps) {
          const before = model.h.all.length;
          const acks = model.flows.map(({ isn }) => isn + 1);
          if (step.kind === 'answer' && step.ack !== 'right') acks.push(step.ack);
          model.apply(step);
          for (const { kind, sequence, isn } of model.h.all.slice(before)) {
            if (kind !== 'cancel') continue;
            if (step.kind === 'answer') expect([isn! + 1, ...acks]).toContain(sequence);
            else expect(sequence).toBe(isn! + 1);
          }
        }
      }),
      { numRuns: RUNS / 4 },
    );
  });
});
