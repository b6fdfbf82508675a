/** What must not change from one step to the next: counters never fall, and what carries a flow stays. */
import type { Engine } from '../../src/core/engine.js';
import { RACE } from '../../src/core/race/life.js';
import { holds, same } from './invariants.js';

export class Constants {
  private readonly columns: readonly Float64Array[];
  private readonly before: readonly Float64Array[];
  private started = 0;
  private decided = 0;
  private failed = 0;
  /** How often each slot was taken; and the carrier of the life that is in it, with what it left with. */
  private readonly lives: Float64Array;
  private readonly knownLives: Float64Array;
  private readonly carriers: Uint8Array;
  private readonly ends: Float64Array;
  /** What each attempt has left with, and whether a copy has left in this step. */
  private readonly attemptEnds: Float64Array;
  private readonly hasSent: Uint8Array;
  private copies = 0;
  private looks = 0;

  constructor(private readonly engine: Engine) {
    const { counters, races, shard } = engine;
    const { attempts, wins, losses, single, ignored, rescues } = counters;
    this.columns = [attempts, wins, losses, single, ignored, rescues];
    this.before = this.columns.map((column) => column.slice());
    this.lives = new Float64Array(races.slots);
    this.knownLives = new Float64Array(races.slots);
    this.carriers = new Uint8Array(races.slots);
    this.ends = new Float64Array(races.slots);
    this.attemptEnds = new Float64Array(races.slots * races.routeCount);
    this.hasSent = new Uint8Array(races.slots * races.routeCount);
    const take = races.take.bind(races);
    races.take = (flow, port) => {
      const race = take(flow, port);
      if (race >= 0) this.lives[race]++;
      return race;
    };
    const { deadlines } = shard;
    const next = deadlines.next.bind(deadlines);
    deadlines.next = () => {
      holds(++this.looks < MOST_LOOKS, 'a tick without an end');
      return next();
    };
  }

  /** A race has failed since the last check. */
  get hasFailed(): boolean {
    return this.engine.counters.failed > this.failed;
  }

  /** A copy leaves: from now on with what the attempt says. */
  sent(attempt: number): void {
    this.hasSent[attempt] = 1;
    this.copies++;
  }

  check(): void {
    const { counters, races } = this.engine;
    this.looks = 0;
    for (let i = 0; i < this.columns.length; i++) checkColumn(this.columns[i], this.before[i]);
    const { started, decided, failed } = counters;
    holds(started >= this.started && decided >= this.decided && failed >= this.failed, 'a counter falls');
    same(total(counters.wins), decided, 'wins of all routes');
    same(total(counters.attempts), this.copies, 'copies of all routes');
    this.started = started;
    this.decided = decided;
    this.failed = failed;
    for (let race = 0; race < races.slots; race++) {
      const isNew = this.lives[race] !== this.knownLives[race];
      this.knownLives[race] = this.lives[race];
      if (isNew) this.carriers[race] = 0;
      if (!races.isFree(race)) this.checkAttempts(race, isNew);
      if (races.state[race] !== RACE.COMMITTING && races.state[race] !== RACE.DECIDED) continue;
      const ends = this.endsOf(race, races.carrier[race]);
      if (this.carriers[race] !== 0) {
        same(races.carrier[race], this.carriers[race], 'the carrier of a race');
        same(ends, this.ends[race], 'what the carrier has left with');
      }
      this.carriers[race] = races.carrier[race];
      this.ends[race] = ends;
    }
  }

  /** What an attempt has left with stays until its next copy leaves: answers would not be recognized. */
  private checkAttempts(race: number, isNew: boolean): void {
    const { races } = this.engine;
    for (let route = 1; route <= races.routeCount; route++) {
      const at = races.attempt(race, route);
      const ends = this.endsOf(race, route);
      if (!isNew && this.hasSent[at] === 0) same(ends, this.attemptEnds[at], 'what an attempt has left with');
      this.attemptEnds[at] = ends;
      this.hasSent[at] = 0;
    }
  }

  private endsOf(race: number, route: number): number {
    const { races } = this.engine;
    const at = races.attempt(race, route);
    let sum = races.attemptPort[at];
    for (let i = 0; i < 4; i++) sum = sum * 3 + races.attemptAddress[at * 4 + i];
    return sum;
  }
}

const MOST_LOOKS = 10_000;

function checkColumn(column: Float64Array, before: Float64Array): void {
  for (let i = 0; i < column.length; i++) {
    holds(column[i] >= before[i], 'a counter falls');
    before[i] = column[i];
  }
}

function total(column: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < column.length; i++) sum += column[i];
  return sum;
}
