/** The state of a route in the colour that it has everywhere. */
import type { RouteState, RouteStatus } from '../api/contract.js';
import { type Colour, printable } from './style.js';
import type { Cell } from './table.js';

export function stateCell(state: RouteState): Cell {
  // A newer gateway may have more states.
  return { text: printable(state), colour: STATE_COLOURS[state] ?? 'dim' };
}

/** What was found out of a route's path; null: nothing. */
export function pathText({ pathMtu }: Pick<RouteStatus, 'pathMtu'>): string | null {
  const { ipv4, ipv6 } = pathMtu ?? {};
  const sizes = [ipv4 === undefined ? '' : `IPv4 ${ipv4}`, ipv6 === undefined ? '' : `IPv6 ${ipv6}`];
  const found = sizes.filter((text) => text !== '');
  return found.length === 0 ? null : `larger packets vanish: ${found.join(', ')} bytes pass`;
}

export const STATE_COLOURS: Readonly<Record<RouteState, Colour>> = {
  up: 'green',
  suspect: 'yellow',
  down: 'red',
  draining: 'dim',
  disabled: 'dim',
};
