/** The state of a route in the colour that it has everywhere. */
import type { RouteState } from '../api/contract.js';
import { type Colour, printable } from './style.js';
import type { Cell } from './table.js';

export function stateCell(state: RouteState): Cell {
  // A newer gateway may have more states.
  return { text: printable(state), colour: STATE_COLOURS[state] ?? 'dim' };
}

export const STATE_COLOURS: Readonly<Record<RouteState, Colour>> = {
  up: 'green',
  suspect: 'yellow',
  down: 'red',
  draining: 'dim',
  disabled: 'dim',
};
