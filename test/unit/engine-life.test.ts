import { describe, expect, it } from 'vitest';
import {
  ATTEMPT,
  ATTEMPT_EVENT,
  ATTEMPT_LIFE,
  IGNORED,
  RACE,
  RACE_EVENT,
  RACE_LIFE,
} from '../../src/core/race/life.js';
import { NO_RACE, RaceTable } from '../../src/core/race/table.js';
import type { Endpoint } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { FLAG } from '../../src/wire/packet.js';
import { CLIENT, Harness, ISN, RST_ACK, routes, SERVER, words } from '../sim/engine-harness.js';

const LIVES = [
  ['race', RACE, RACE_EVENT, RACE_LIFE],
  ['attempt', ATTEMPT, ATTEMPT_EVENT, ATTEMPT_LIFE],
] as const;

describe.each(LIVES)('the life of a %s', (_, names, events, life) => {
  const states: number[] = Object.values(names);

  it('says for every event what becomes of every state', () => {
    expect(Object.values(events)).toEqual(life.map((_, event) => event));
    expect(states).toEqual(states.map((_, state) => state));
    for (const row of life) {
      expect(row).toHaveLength(states.length);
      for (const next of row) expect([...states, IGNORED]).toContain(next);
    }
  });

  it('lets every state be reached from the first', () => {
    const reached = new Set([0]);
    for (const state of reached) for (const row of life) if (row[state] !== IGNORED) reached.add(row[state]);
    expect([...reached].sort()).toEqual(states);
  });

  it('has no event that says nothing to any state, and no state that nothing brings on', () => {
    for (const row of life) expect(row.some((next) => next !== IGNORED)).toBe(true);
    for (const state of states.slice(1)) expect(life.some((row) => row.includes(state))).toBe(true);
  });
});

describe('what the tables promise', () => {
  it('a race can always be freed, and is never decided without the connection table', () => {
    expect(RACE_LIFE[RACE_EVENT.END].slice(1)).toEqual(Array(Object.keys(RACE).length - 1).fill(RACE.FREE));
    const decides = RACE_LIFE.flatMap((row, event) =>
      row.flatMap((next, state) => (next === RACE.DECIDED ? [[event, state]] : [])),
    );
    // The flow of one that was opened is bound already.
    expect(decides).toEqual([
      [RACE_EVENT.BIND, RACE.COMMITTING],
      [RACE_EVENT.BIND, RACE.OPENED],
    ]);
  });

  it('nothing takes a yes back', () => {
    for (const row of ATTEMPT_LIFE) expect(row[ATTEMPT.ANSWERED]).toBe(IGNORED);
  });

  it('every attempt of which a copy may be out can still be answered', () => {
    for (const state of [ATTEMPT.SENT, ATTEMPT.NEGATIVE, ATTEMPT.NOT_SENT])
      expect(ATTEMPT_LIFE[ATTEMPT_EVENT.ANSWER][state]).toBe(ATTEMPT.ANSWERED);
  });
});

const FLOW = {
  family: 4,
  protocol: 6,
  source: CLIENT.address,
  sourcePort: CLIENT.port,
  destination: SERVER.address,
  destinationPort: SERVER.port,
} as const;

/** A way to every state, by the table itself. */
function wayTo(life: readonly (readonly number[])[], state: number): number[] {
  const ways = new Map<number, number[]>([[0, []]]);
  for (const [from, way] of ways) {
    for (const [event, row] of life.entries())
      if (row[from] !== IGNORED && !ways.has(row[from])) ways.set(row[from], [...way, event]);
  }
  return ways.get(state)!;
}

describe('the race table takes every event in every state', () => {
  const pairs = (states: object, events: object): (readonly [string, string])[] =>
    Object.keys(states).flatMap((state) => Object.keys(events).map((event) => [state, event] as const));

  it.each(pairs(ATTEMPT, ATTEMPT_EVENT))('attempt %s, event %s', (stateName, eventName) => {
    const state = ATTEMPT[stateName as keyof typeof ATTEMPT];
    const event = ATTEMPT_EVENT[eventName as keyof typeof ATTEMPT_EVENT];
    const races = new RaceTable(2, 3, 7);
    const race = races.take(FLOW, 9000);
    for (const step of wayTo(ATTEMPT_LIFE, state)) expect(races.stepAttempt(race, 2, step)).toBe(true);
    expect(races.stateOf(race, 2)).toBe(state);
    const next = ATTEMPT_LIFE[event][state];
    expect(races.stepAttempt(race, 2, event)).toBe(next !== IGNORED);
    const now = next === IGNORED ? state : next;
    expect(races.stateOf(race, 2)).toBe(now);
    expect(races.waiting[race]).toBe(now === ATTEMPT.WAITING ? 4 : 0);
    expect(races.hasAttempt(race, 2)).toBe(now > ATTEMPT.WAITING);
    expect([races.stateOf(race, 1), races.stateOf(race, 3)]).toEqual([ATTEMPT.NONE, ATTEMPT.NONE]);
  });

  it.each(pairs(RACE, RACE_EVENT))('race %s, event %s', (stateName, eventName) => {
    const state = RACE[stateName as keyof typeof RACE];
    const event = RACE_EVENT[eventName as keyof typeof RACE_EVENT];
    const races = new RaceTable(1, 1, 7);
    for (const step of wayTo(RACE_LIFE, state)) races.stepRace(0, step);
    expect(races.state[0]).toBe(state);
    const next = RACE_LIFE[event][state];
    expect(races.stepRace(0, event)).toBe(next !== IGNORED);
    expect(races.state[0]).toBe(next === IGNORED ? state : next);
  });
});

/**
 * What brings an attempt on route 2 into a state, in the engine: a copy is out on route 1, and the race is undecided unless an answer
 * has to be one that is told.
 */
const WAYS: Record<keyof typeof ATTEMPT, (h: Harness) => void> = {
  NONE: (h) => {
    h.setRoutes(routes(3, ({ number }) => ({ usable: { 4: number !== 2, 6: true } })));
    h.setup();
    h.setRoutes(routes(3));
  },
  WAITING: (h) => {
    h.setServices([{ ...serviceOver([1, 2, 3]), costDelayMicros: 1_000_000 }]);
    h.engine.setFacts({ cost: Float64Array.of(0, 0, 1, 0) }, null);
    h.setup({ service: 1 });
  },
  SENT: (h) => void h.setup(),
  ANSWERED: (h) => {
    h.setup();
    h.answer(3);
    h.answer(2);
  },
  NEGATIVE: (h) => {
    h.setup();
    h.answer(2, { flags: RST_ACK });
  },
  NOT_SENT: (h) => {
    h.setup();
    h.notSent(h.raceOf(), 2);
  },
};

/** What the copies on a route leave with. */
const TO = (route: number): Endpoint => ({ address: words(`203.0.${route}.2`), port: CLIENT.port });

/** Everything that can be told to an attempt from outside, and the event that it is to the attempt, if any. */
const INPUTS: readonly (readonly [string, (h: Harness, race: number) => void])[] = [
  ['a SYN+ACK', (h) => void h.answer(2, { to: TO(2) })],
  ['the SYN of the server', (h) => void h.answer(2, { to: TO(2), flags: FLAG.SYN, acknowledgement: 0 })],
  ['a reset', (h) => void h.answer(2, { to: TO(2), flags: RST_ACK })],
  ['an ICMP error', (h) => void h.icmp(2, 3, 1, { source: TO(2) })],
  ['a challenge', (h) => void h.answer(2, { to: TO(2), flags: FLAG.ACK, acknowledgement: 77 })],
  ['nothing but a FIN', (h) => void h.answer(2, { to: TO(2), flags: FLAG.FIN })],
  ['a repeat of the set-up', (h) => void h.setup()],
  ['a set-up of another connection with the same ends', (h) => void h.setup({ isn: 7 })],
  ['a copy that did not leave', (h, race) => void h.notSent(race, 2)],
  ['the loss of all routes', (h) => void h.setRoutes([])],
  ['a reset on another route', (h) => void h.answer(1, { to: TO(1), flags: RST_ACK })],
  ['a yes on another route', (h) => void h.answer(1, { to: TO(1) })],
  ['time', (h) => void h.pass(400)],
];

describe('the engine takes every input in every state of an attempt', () => {
  const cases = (Object.keys(WAYS) as (keyof typeof ATTEMPT)[]).flatMap((state) =>
    INPUTS.map(([name, input]) => [state, name, input] as const),
  );

  it.each(cases)('attempt %s, %s', (state, _, input) => {
    const h = new Harness(3);
    WAYS[state](h);
    const race = h.raceOf();
    expect(race).not.toBe(NO_RACE);
    expect(h.engine.races.stateOf(race, 2)).toBe(ATTEMPT[state]);
    input(h, race);
    // Twice, since an answer may come twice; then every other input, since nothing is over yet.
    input(h, race);
    for (const [, other] of INPUTS) other(h, race);
    h.setRoutes(routes(3));
    h.pass(60_000);
    expect(h.engine.races.active).toBe(0);
    // And the next connection is raced as if nothing had been.
    h.setup({ client: { address: words('10.0.0.9'), port: 50_000 }, isn: ISN });
    expect(h.last.at(-1)).toMatchObject({ kind: 'drop' });
  });
});
