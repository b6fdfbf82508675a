/** A route wherever it is named: its shape in its colour, and its name. */
import type { RouteState } from '../../../src/api/contract.js';
import { colourOf, knownRoutes, lookOf } from '../state/palette.js';
import { hrefTo } from '../state/routing.js';
import { Picture } from './icons.js';

const SHAPES = [
  'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11z',
  'M3 3h10v10H3z',
  'M8 2.2 14 13H2z',
  'M8 1.5 14.5 8 8 14.5 1.5 8z',
] as const;

export function Swatch({ name }: { name: string }) {
  // It is drawn again when routes become known.
  knownRoutes.value;
  const { shape, hollow } = lookOf(name);
  return (
    <svg
      class={hollow ? 'swatch hollow' : 'swatch'}
      viewBox="0 0 16 16"
      style={{ color: colourOf(name) }}
      aria-hidden="true"
      focusable="false"
    >
      <path d={SHAPES[shape]} />
    </svg>
  );
}

export function RouteName({ name, linked = false }: { name: string; linked?: boolean }) {
  const content = (
    <>
      <Swatch name={name} />
      <span class="name" title={name}>
        {name}
      </span>
    </>
  );
  return linked ? (
    <a class="route-name" href={hrefTo(`routes/${encodeURIComponent(name)}`)}>
      {content}
    </a>
  ) : (
    <span class="route-name">{content}</span>
  );
}

const KNOWN: readonly string[] = ['up', 'suspect', 'down', 'draining', 'disabled'];

/** Word, sign and colour. */
export function StateBadge({ state }: { state: RouteState }) {
  // A newer gateway may have more states.
  const icon = KNOWN.includes(state) ? state : 'disabled';
  return (
    <span class={`badge state-${icon}`}>
      <Picture name={icon} />
      {state}
    </span>
  );
}
