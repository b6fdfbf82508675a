/** The latest decisions, one after the other, slowly enough to be read. */
import { signal } from '@preact/signals';
import type { Decision, DecisionEvent } from '../../../src/api/contract.js';
import { api } from './api.js';

export interface ShownRace {
  readonly key: number;
  readonly decision: Decision;
  /** Slower routes may still answer, until then (`performance.now()`); 0: they have, or will not. */
  readonly freshUntil: number;
}

/** Newest first. BOUNDED: MAX_SHOWN. */
export const shownRaces = signal<readonly ShownRace[]>([]);

/** Somebody wants to read. */
export const isPaused = signal(false);

/** The largest time of the axis that all lanes share, microseconds. */
export const laneScale = signal(50_000);

/** What nobody could read in time gives way. */
const MAX_WAITING = 6;
const SHOW_EVERY_MS = 240;
/** As long as a slow route takes. */
const SETTLE_MS = 800;
/** The newest; where more are made meanwhile, a row keeps what it had. */
const MOST_SETTLED = 100;

// BOUNDED: MAX_WAITING.
const waiting: Decision[] = [];
let lastKey = 0;
let timer: ReturnType<typeof setTimeout> | null = null;
let settling: ReturnType<typeof setTimeout> | null = null;

export function takeDecisions({ decisions }: DecisionEvent): void {
  waiting.push(...decisions);
  waiting.splice(0, waiting.length - MAX_WAITING);
  if (timer === null) timer = setTimeout(showNext, 0);
}

/** Those of before the page was open; newest first. */
export function beginRaces(decisions: readonly Decision[]): void {
  if (shownRaces.value.length > 0) return;
  shownRaces.value = decisions.slice(0, MAX_SHOWN).map((decision) => ({
    key: ++lastKey,
    decision,
    freshUntil: 0,
  }));
  laneScale.value = scaleFor(shownRaces.value);
}

/** How many `beginRaces` has room for. */
export const MAX_SHOWN = 14;

export function forgetRaces(): void {
  waiting.length = 0;
  shownRaces.value = [];
  if (settling !== null) clearTimeout(settling);
  settling = null;
}

function showNext(): void {
  timer = null;
  if (isPaused.value) {
    waiting.length = 0;
    return;
  }
  const decision = waiting.shift();
  if (decision === undefined) return;
  const freshUntil = isUnanswered(decision) ? performance.now() + SETTLE_MS : 0;
  const shown = [{ key: ++lastKey, decision, freshUntil }, ...shownRaces.value].slice(0, MAX_SHOWN);
  shownRaces.value = shown;
  laneScale.value = scaleFor(shown);
  timer = setTimeout(showNext, SHOW_EVERY_MS);
  if (freshUntil > 0) settling ??= setTimeout(settle, SETTLE_MS);
}

/** A race is told of when it is decided; who was slower answers after that, or never does. */
function settle(): void {
  settling = null;
  api
    .call('GET /v1/decisions', { query: { limit: MOST_SETTLED } })
    .then(({ decisions }) => {
      const now = new Map(decisions.map((decision) => [`${decision.id} ${decision.client}`, decision]));
      const at = performance.now();
      shownRaces.value = shownRaces.value.map((shown) => {
        const decision = now.get(`${shown.decision.id} ${shown.decision.client}`) ?? shown.decision;
        const isFresh = shown.freshUntil > at && isUnanswered(decision);
        return { ...shown, decision, freshUntil: isFresh ? shown.freshUntil : 0 };
      });
      const isAgain = shownRaces.value.some(({ freshUntil }) => freshUntil > 0);
      if (isAgain) settling ??= setTimeout(settle, SETTLE_MS);
    })
    .catch(() => undefined);
}

function isUnanswered({ routes }: Decision): boolean {
  return routes.some(({ answer }) => answer === 'silence');
}

/** Room for nine of ten answers, in steps, so that the axis stays where it is. */
function scaleFor(shown: readonly ShownRace[]): number {
  const times = shown
    .flatMap(({ decision }) => decision.routes.flatMap(({ answeredMicros }) => answeredMicros ?? []))
    .sort((a, b) => a - b);
  const wanted = 1.1 * (times[Math.floor(times.length * 0.92)] ?? laneScale.value / 1.1);
  const step = STEPS.find((one) => one >= wanted) ?? STEPS[STEPS.length - 1];
  // It grows at once, and shrinks only when there is much room.
  const isFar = step < laneScale.value / 2.1;
  return step > laneScale.value || isFar ? step : laneScale.value;
}

const STEPS = [1, 2, 5]
  .flatMap((digit) => [2, 3, 4, 5, 6].map((power) => digit * 10 ** power))
  .sort((a, b) => a - b);
