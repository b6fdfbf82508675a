/** The difference of two configurations, for people. */
import type { ConfigChange, ConnectionEffect } from '../api/contract.js';
import { type Colour, type Paint, printable } from './style.js';

/** A line per change: `~ routes.lte.cost: 0 -> 8/GB`, with `+` for what is new and `-` for what goes. */
export function renderChanges(changes: readonly ConfigChange[], paint: Paint): string {
  return changes.map((change) => `${renderChange(change, paint)}\n`).join('');
}

/** A line for each thing that becomes of connections: `12 connections: those of a (wan1) go on as those of b`. */
export function renderEffects(effects: readonly ConnectionEffect[]): string {
  return effects
    .map(({ connections, text }) => {
      const count = connections === 1 ? '1 connection: ' : `${connections} connections: `;
      return `  ${connections === null ? '' : count}${printable(text)}\n`;
    })
    .join('');
}

/** `1 change`, `2 changes`. */
export function countChanges(count: number): string {
  return count === 1 ? '1 change' : `${count} changes`;
}

function renderChange({ key, before, after, apply }: ConfigChange, paint: Paint): string {
  const [sign, colour, value] = signOf(before, after);
  const restart = apply === 'restart' ? paint('yellow', ' (needs a restart)') : '';
  return `${paint(colour, `${sign} ${printable(key)}`)}: ${printable(value)}${restart}`;
}

function signOf(before: string | null, after: string | null): [string, Colour, string] {
  if (before === null) return ['+', 'green', after ?? ''];
  return after === null ? ['-', 'red', before] : ['~', 'yellow', `${before} -> ${after}`];
}
