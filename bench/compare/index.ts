/** All comparisons, in the order in which they run. */
import { compareBlackhole } from './blackhole.js';
import { compareChoices } from './choices.js';
import type { Comparison } from './comparison.js';
import { compareConnect } from './connect.js';
import { compareFaults } from './faults.js';
import { compareManyFlows } from './many-flows.js';
import { compareMemory } from './memory.js';
import { compareNeighbours } from './neighbours.js';
import { compareProtocols } from './protocols.js';
import { compareRate } from './rate.js';
import { compareSpread } from './spread.js';
import { compareWatched } from './watched.js';

export const COMPARISONS: readonly Comparison[] = [
  compareBlackhole,
  compareConnect,
  compareRate,
  compareSpread,
  compareFaults,
  compareMemory,
  compareNeighbours,
  compareChoices,
  compareManyFlows,
  compareProtocols,
  compareWatched,
];
