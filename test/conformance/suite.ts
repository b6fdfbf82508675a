/**
 * The suite: what every front end of the engine must do, seen from the wires, the clients and the servers. A front end is a
 * `Subject`; `run` puts it through a case and `check` says what was wrong.
 */
import type { Case } from './case.js';
import { COPIES } from './cases/copies.js';
import { LATE } from './cases/late.js';
import { MEMORY } from './cases/memory.js';
import { RACE } from './cases/race.js';
import { REFUSALS } from './cases/refusals.js';
import { REPEATS } from './cases/repeats.js';
import { ROUTE_CASES } from './cases/routes.js';
import { STRAYS } from './cases/strays.js';
import { TUPLES } from './cases/tuples.js';

export const SUITE: Readonly<Record<string, readonly Case[]>> = {
  race: RACE,
  refusals: REFUSALS,
  repeats: REPEATS,
  'late and wrong answers': LATE,
  strays: STRAYS,
  copies: COPIES,
  tuples: TUPLES,
  routes: ROUTE_CASES,
  memory: MEMORY,
};
