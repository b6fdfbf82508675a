/**
 * Whether a route works, from evidence: answers and silences of real traffic, its own checks, its link. Kept per family,
 * since a provider's IPv6 often dies alone. One answer from anywhere is proof of life; the silence of one destination is
 * no proof of death.
 *
 *   UP       memory and every criterion use it
 *   SUSPECT  races use it, the others do not: it was silent lately, or has just come back and must prove itself
 *   DOWN     used only for clients that have waited in vain; a connection now and then is tried on it besides, and an answer
 *            is the way back
 */
import type { Family } from '../../model/address.js';
import { HEALTH_REASONS, type HealthReason } from '../../model/reasons.js';
import type { Micros, RouteNumber } from '../engine-types.js';
import { Seen } from './seen.js';

export const HEALTH = { UP: 0, SUSPECT: 1, DOWN: 2 } as const;

/** The words for these, in their order. */
export const HEALTH_STATES = ['up', 'suspect', 'down'] as const;
export type HealthState = (typeof HEALTH_STATES)[number];

/** Silences without any answer in between after which a route is suspect. */
const SUSPECT_AFTER = 3;
/**
 * And down: this many, of this many destinations, over at least this time. Suspect is enough for new connections; down cuts the
 * established ones, which outlive a few seconds of silence. So the route is asked itself before, where that can be done; where nobody can
 * tell, destinations in so many networks and by so many ports must be silent: providers filter ports, and one mail goes to many servers.
 */
const DOWN_AFTER = { silences: 6, destinations: 3, micros: 10_000_000, networks: 3, ports: 2 } as const;
/** A route that has been asked has this long to answer, and is not asked again before. */
const ASK_MICROS = 10_000_000;
/** A route that has answered when it was asked is not suspect for further silences for so long, but asked again: filters stay. */
const ACQUITTED_MICROS = 60_000_000;
/** Silences further apart than this do not add up. */
const STRIKE_WINDOW_MICROS = 30_000_000;
/** Answers after which a suspect route is up again. */
const PROOFS = 3;
/** As many thirds, sevenths, ... may not add up to it exactly. */
const ENOUGH = PROOFS - 1e-6;
/** A route that has come back is suspect for at least this long; twice as long for each time in the window before. */
const HOLD = { first: 1_000_000, most: 60_000_000, window: 600_000_000 } as const;
/** Who has been suspect for this long without a silence has no traffic: it would be up or down. */
const QUIET_MICROS = { returned: 20_000_000, silent: 120_000_000 } as const;
/** Connections that a route which is not up gets in a second, to prove itself. */
export const TRIALS_PER_SECOND = 2;
const TRIAL_EVERY_MICROS = 1_000_000 / TRIALS_PER_SECOND;
/** A route that was well is preferred to a last resort for this long after it has become suspect: mostly it is well again by then. */
export const MOMENT_MICROS = 10_000_000;
/** Generations, of which the upper half is for what holds only until a better route is back. */
const GENERATIONS = 0x7fff;
export const INTERIM = 0x8000;

/** What has become of a route: nothing new, another state, that it shall be asked itself, or both of these. */
export type HealthStep = 'none' | 'changed' | 'ask' | 'doubted';

/** Who was silent: hashes of its address and network. */
export interface SilentTarget {
  destination: number;
  network: number;
  port: number;
}

/** BOUNDED: two lanes per route. */
export class Health {
  /** Somebody asks routes themselves, and brings the answers. */
  canAsk = false;
  private readonly state: Uint8Array;
  private readonly why: Uint8Array;
  private readonly changedAt: Float64Array;
  private readonly generation: Uint16Array;
  private readonly interim: Uint16Array;
  private readonly returns = new Uint16Array(2);
  private readonly strikes: Uint16Array;
  private readonly firstStrikeAt: Float64Array;
  private readonly lastStrikeAt: Float64Array;
  private readonly destinations: Seen;
  private readonly networks: Seen;
  private readonly ports: Seen;
  private readonly askedAt: Float64Array;
  private readonly askedWhy: Uint8Array;
  /** 1: nothing has been said since to the question whether it is down. */
  private readonly isOpen: Uint8Array;
  /** When it was asked for silences that make it no more than suspect, and when it has last answered a question. */
  private readonly doubtedAt: Float64Array;
  private readonly acquittedAt: Float64Array;
  /** 1: it has been asked for its checks since they last had an answer. */
  private readonly checksDoubted: Uint8Array;
  /** In answers of traffic; that of a check may count more or less. */
  private readonly proofs: Float64Array;
  private readonly holdUntil: Float64Array;
  private readonly falls: Uint16Array;
  private readonly lastFallAt: Float64Array;
  private readonly trialAt: Float64Array;
  private readonly failedRounds: Uint16Array;
  private readonly linked: Uint8Array;

  constructor(routes: number) {
    const lanes = (routes + 1) * 2;
    this.state = new Uint8Array(lanes);
    this.why = new Uint8Array(lanes);
    this.changedAt = new Float64Array(lanes);
    this.generation = new Uint16Array(lanes).fill(1);
    this.interim = new Uint16Array(lanes).fill(INTERIM | 1);
    this.strikes = new Uint16Array(lanes);
    this.firstStrikeAt = new Float64Array(lanes);
    this.lastStrikeAt = new Float64Array(lanes);
    this.destinations = new Seen(lanes);
    this.networks = new Seen(lanes);
    this.ports = new Seen(lanes);
    this.askedAt = new Float64Array(lanes).fill(Number.NEGATIVE_INFINITY);
    this.askedWhy = new Uint8Array(lanes);
    this.isOpen = new Uint8Array(lanes);
    this.doubtedAt = new Float64Array(lanes).fill(Number.NEGATIVE_INFINITY);
    this.acquittedAt = new Float64Array(lanes).fill(Number.NEGATIVE_INFINITY);
    this.checksDoubted = new Uint8Array(lanes);
    this.proofs = new Float64Array(lanes);
    this.holdUntil = new Float64Array(lanes);
    this.falls = new Uint16Array(lanes);
    this.lastFallAt = new Float64Array(lanes).fill(Number.NEGATIVE_INFINITY);
    this.trialAt = new Float64Array(lanes);
    this.failedRounds = new Uint16Array(lanes);
    // 2: not told yet.
    this.linked = new Uint8Array(lanes).fill(2);
  }

  of(route: RouteNumber, family: Family): number {
    return this.state[lane(route, family)];
  }

  reasonOf(route: RouteNumber, family: Family): HealthReason {
    return HEALTH_REASONS[this.why[lane(route, family)]];
  }

  since(route: RouteNumber, family: Family): Micros {
    return this.changedAt[lane(route, family)];
  }

  /** Changes whenever a route goes down: what was kept before then is void. 1 to 32767. */
  generationOf(route: RouteNumber, family: Family): number {
    return this.generation[lane(route, family)];
  }

  /**
   * The same for what is kept only because a better route is away: changes as well whenever any route of the family is back.
   * 32769 to 65535: never one of the others.
   */
  interimOf(route: RouteNumber, family: Family): number {
    return this.interim[lane(route, family)];
  }

  /** How often routes of a family have come back: what began before the last time was chosen without one. Below 65536. */
  returnsOf(family: Family): number {
    return this.returns[family === 6 ? 1 : 0];
  }

  /** A route is back: what was kept in its absence is void. */
  endInterim(family: Family): void {
    this.returns[family === 6 ? 1 : 0]++;
    for (let at = family === 6 ? 1 : 0; at < this.interim.length; at += 2) this.stepInterim(at);
  }

  /** Suspect since a moment ago, after it was well. */
  isMomentary(route: RouteNumber, family: Family, now: Micros): boolean {
    const at = lane(route, family);
    const isSuspect = this.state[at] === HEALTH.SUSPECT && HEALTH_REASONS[this.why[at]] !== 'returned';
    return isSuspect && now - this.changedAt[at] < MOMENT_MICROS;
  }

  /** The link of a route, from outside: whether packets of a family can leave by it. Returns whether its state changed. */
  link(route: RouteNumber, family: Family, linked: boolean, now: Micros): boolean {
    const at = lane(route, family);
    const before = this.linked[at];
    this.linked[at] = linked ? 1 : 0;
    if (before === this.linked[at]) return false;
    if (!linked) return this.fall(at, 'link', now);
    // At the start a route is up until it proves otherwise; later it must prove itself.
    return before === 2 ? this.move(at, HEALTH.UP, 'answered', now) : this.rise(at, now, 0);
  }

  /** Somebody beyond the next hop has answered by this route. Returns whether its state changed. */
  answered(route: RouteNumber, family: Family, now: Micros, proof = 1): boolean {
    const at = lane(route, family);
    this.strikes[at] = 0;
    this.failedRounds[at] = 0;
    if (this.state[at] === HEALTH.UP || this.linked[at] === 0) return false;
    if (this.state[at] === HEALTH.DOWN) return this.rise(at, now, proof);
    this.proofs[at] += proof;
    if (this.proofs[at] < ENOUGH || now < this.holdUntil[at]) return false;
    return this.move(at, HEALTH.UP, 'answered', now);
  }

  /**
   * A destination answered by another route and not by this one. `ask`: its state has not changed, and the route shall be asked itself
   * (`asked`) whether it is down.
   */
  silent(
    route: RouteNumber,
    family: Family,
    target: SilentTarget,
    reason: HealthReason,
    now: Micros,
  ): HealthStep {
    const at = lane(route, family);
    if (this.strikes[at] === 0 || now - this.lastStrikeAt[at] > STRIKE_WINDOW_MICROS) {
      this.strikes[at] = 0;
      this.firstStrikeAt[at] = now;
      for (const seen of [this.destinations, this.networks, this.ports]) seen.clear(at);
    }
    this.strikes[at]++;
    this.lastStrikeAt[at] = now;
    this.proofs[at] = 0;
    this.destinations.note(at, target.destination | 0);
    this.networks.note(at, target.network | 0);
    this.ports.note(at, target.port);
    if (this.state[at] === HEALTH.DOWN) return 'none';
    // Nobody waits for the silence of one destination that others reach: its own memory is enough.
    if (reason === 'silent' && this.destinations.count[at] < 2) return 'none';
    const long = now - this.firstStrikeAt[at] >= DOWN_AFTER.micros;
    const many =
      this.strikes[at] >= DOWN_AFTER.silences && this.destinations.count[at] >= DOWN_AFTER.destinations;
    if (long && many) return this.fallOrAsk(at, reason, now);
    if (this.state[at] === HEALTH.SUSPECT || this.strikes[at] < SUSPECT_AFTER) return 'none';
    return this.doubt(at, reason, now);
  }

  /**
   * What the route has said when it was asked itself: whether anything beyond its next hop answers by it, or that nobody can tell.
   * Returns whether its state changed.
   */
  asked(route: RouteNumber, family: Family, alive: boolean | null, now: Micros): boolean {
    const at = lane(route, family);
    const asked = this.isOpen[at] === 1 && this.askedAt[at] + ASK_MICROS > now;
    this.isOpen[at] = 0;
    const isDoubted = this.doubtedAt[at] + ASK_MICROS > now;
    if (alive === true) {
      if (asked || isDoubted) this.acquittedAt[at] = now;
      return this.answered(route, family, now, PROOFS);
    }
    if (this.state[at] === HEALTH.DOWN) return false;
    if (!asked) return isDoubted && this.doubtStays(at, now);
    const reason = HEALTH_REASONS[this.askedWhy[at]];
    // A target of its checks that answers by no other route either says nothing of this one.
    const isPlain = reason !== 'checks-failed' && this.isBroad(at);
    if (alive === false || isPlain) return this.fall(at, reason, now);
    const isForChecks = this.state[at] === HEALTH.SUSPECT && HEALTH_REASONS[this.why[at]] === 'checks-failed';
    return isForChecks ? this.move(at, HEALTH.UP, 'answered', now) : false;
  }

  /**
   * The next hop has answered. That says nothing of what is beyond, so it proves a route only where no connection does, and none was silent
   * for long: one that is back, and has no traffic of this family. Returns whether its state changed.
   */
  probed(route: RouteNumber, family: Family, now: Micros): boolean {
    const at = lane(route, family);
    const quiet = HEALTH_REASONS[this.why[at]] === 'returned' ? QUIET_MICROS.returned : QUIET_MICROS.silent;
    const isQuiet = now - Math.max(this.lastStrikeAt[at], this.changedAt[at]) > quiet;
    if (this.state[at] !== HEALTH.SUSPECT || !isQuiet) return false;
    return this.answered(route, family, now, PROOFS);
  }

  /**
   * A round of the route's own checks; `fail` rounds in a row without any answer, of traffic either, mean down; `recover` rounds with one
   * are proof enough. Until it has been asked, new connections avoid it; once: where nobody answers its checks for good, that says nothing.
   */
  checked(
    route: RouteNumber,
    family: Family,
    answered: boolean,
    { fail, recover }: { readonly fail: number; readonly recover: number },
    now: Micros,
  ): HealthStep {
    const at = lane(route, family);
    if (answered) this.checksDoubted[at] = 0;
    if (answered) return stepOf(this.answered(route, family, now, PROOFS / recover));
    if (this.failedRounds[at] < 65535) this.failedRounds[at]++;
    this.proofs[at] = 0;
    if (this.failedRounds[at] < fail || this.state[at] === HEALTH.DOWN) return 'none';
    if (!this.canAsk) return stepOf(this.fall(at, 'checks-failed', now));
    const step = this.ask(at, 'checks-failed', now);
    if (step === 'none' || this.checksDoubted[at] === 1 || this.state[at] === HEALTH.SUSPECT) return step;
    this.checksDoubted[at] = 1;
    this.holdUntil[at] = now;
    this.move(at, HEALTH.SUSPECT, 'checks-failed', now);
    return 'doubted';
  }

  /** Whether a connection shall be tried on a route that is not up, besides the routes that carry it. */
  takeTrial(route: RouteNumber, family: Family, now: Micros): boolean {
    if (!this.isTrialDue(route, family, now)) return false;
    this.trialAt[lane(route, family)] = now + TRIAL_EVERY_MICROS;
    return true;
  }

  /** The same, and the next one that asks hears it, too. */
  isTrialDue(route: RouteNumber, family: Family, now: Micros): boolean {
    const at = lane(route, family);
    return this.state[at] !== HEALTH.UP && this.linked[at] === 1 && now >= this.trialAt[at];
  }

  /** A few silences. New connections avoid it until it has been asked, which takes some seconds. */
  private doubt(at: number, reason: HealthReason, now: Micros): HealthStep {
    const mayAsk = this.canAsk && this.doubtedAt[at] + ASK_MICROS <= now;
    if (mayAsk) this.doubtedAt[at] = now;
    if (this.acquittedAt[at] + ACQUITTED_MICROS > now) return mayAsk ? 'ask' : 'none';
    this.holdUntil[at] = now;
    this.move(at, HEALTH.SUSPECT, reason, now);
    return mayAsk ? 'doubted' : 'changed';
  }

  /** Nothing has answered, of a route that was acquitted before: it is suspect after all. */
  private doubtStays(at: number, now: Micros): boolean {
    if (this.strikes[at] === 0 || this.state[at] !== HEALTH.UP) return false;
    this.acquittedAt[at] = Number.NEGATIVE_INFINITY;
    this.holdUntil[at] = now;
    return this.move(at, HEALTH.SUSPECT, 'silent', now);
  }

  private fallOrAsk(at: number, reason: HealthReason, now: Micros): HealthStep {
    if (this.canAsk) return this.ask(at, reason, now);
    return this.isBroad(at) ? stepOf(this.fall(at, reason, now)) : 'none';
  }

  private ask(at: number, reason: HealthReason, now: Micros): HealthStep {
    if (this.askedAt[at] + ASK_MICROS > now) return 'none';
    this.askedAt[at] = now;
    this.askedWhy[at] = HEALTH_REASONS.indexOf(reason);
    this.isOpen[at] = 1;
    return 'ask';
  }

  /** The silent destinations have nothing in common but the route. */
  private isBroad(at: number): boolean {
    return this.networks.count[at] >= DOWN_AFTER.networks && this.ports.count[at] >= DOWN_AFTER.ports;
  }

  private fall(at: number, reason: HealthReason, now: Micros): boolean {
    if (now - this.lastFallAt[at] > HOLD.window) this.falls[at] = 0;
    if (this.falls[at] < 16) this.falls[at]++;
    this.lastFallAt[at] = now;
    this.generation[at] = (this.generation[at] % GENERATIONS) + 1;
    this.stepInterim(at);
    this.trialAt[at] = now + TRIAL_EVERY_MICROS;
    return this.move(at, HEALTH.DOWN, reason, now);
  }

  private stepInterim(at: number): void {
    this.interim[at] = INTERIM | (((this.interim[at] & GENERATIONS) % GENERATIONS) + 1);
  }

  private rise(at: number, now: Micros, proof: number): boolean {
    this.proofs[at] = proof;
    this.strikes[at] = 0;
    this.failedRounds[at] = 0;
    this.holdUntil[at] = now + Math.min(HOLD.most, HOLD.first * 2 ** Math.max(0, this.falls[at] - 1));
    return this.move(at, HEALTH.SUSPECT, 'returned', now);
  }

  private move(at: number, state: number, reason: HealthReason, now: Micros): boolean {
    const changed = this.state[at] !== state;
    this.state[at] = state;
    this.why[at] = HEALTH_REASONS.indexOf(reason);
    if (state === HEALTH.UP) this.proofs[at] = 0;
    if (!changed) return false;
    this.changedAt[at] = now;
    return true;
  }
}

function stepOf(changed: boolean): HealthStep {
  return changed ? 'changed' : 'none';
}

function lane(route: RouteNumber, family: Family): number {
  return route * 2 + (family === 6 ? 1 : 0);
}
