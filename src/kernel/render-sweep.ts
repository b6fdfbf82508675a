/** What has to go from our table. Pure. */
import { TABLE } from './constants.js';
import type { DesiredState } from './desired.js';
import type { TableObject } from './nft-read.js';
import { chainsOf } from './render.js';
import { objectsOf } from './render-objects.js';

/** One transaction that removes what a state does not have; '' when there is nothing to remove. Chains first: they use the sets. */
export function renderSweep(found: readonly TableObject[], state: DesiredState): string {
  const kept = new Set(namesOf(state));
  const gone = found.filter(({ kind, name }) => !kept.has(`${kind} ${name}`));
  const chains = gone.filter(({ kind }) => kind === 'chain');
  const others = gone.filter(({ kind }) => kind !== 'chain');
  const lines = [
    ...chains.map(({ name }) => `flush chain inet ${TABLE} ${name}`),
    ...[...chains, ...others].map(({ kind, name }) => `delete ${kind} inet ${TABLE} ${name}`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** Everything that a state declares, each with its kind. */
export function namesOf(state: DesiredState): string[] {
  return [
    ...chainsOf(state).map((name) => `chain ${name}`),
    ...objectsOf(state).map(({ kind, name }) => `${kind} ${name}`),
  ];
}
