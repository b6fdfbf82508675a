/** Small pictures beside words, never in place of them. */
import type { ComponentChildren } from 'preact';

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

const PATHS = {
  overview: 'M2 3.5h6M2 8h11M2 12.5h8',
  destinations: 'M2.5 2.5h11v11h-11zM2.5 6.2h11M2.5 9.8h11M6.2 2.5v11M9.8 2.5v11',
  flows: 'M2 5h9.5M9 2.5 11.5 5 9 7.5M14 11H4.5M7 8.5 4.5 11 7 13.5',
  services: 'M2 4h2M6.5 4H14M2 8h2M6.5 8H14M2 12h2M6.5 12H14',
  configuration: 'M4 2.5v11M12 2.5v11M8 2.5v11M2.5 5.5h3M6.5 10.5h3M10.5 6.5h3',
  up: 'M3.5 8.5 6.5 11.5 12.5 4.5',
  suspect: 'M8 3.5v5.5M8 12v.2',
  down: 'M4 4l8 8M12 4l-8 8',
  draining: 'M8 3v9M4.5 8.5 8 12l3.5-3.5',
  disabled: 'M4 8h8',
  warn: 'M8 2.2 14.2 13H1.8zM8 6.5v3.2M8 11.2v.2',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1',
  moon: 'M12.8 9.8A5.3 5.3 0 0 1 6.2 3.2a5.3 5.3 0 1 0 6.6 6.6z',
  auto: 'M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.2 12.5 8 5 12.8z',
  close: 'M4 4l8 8M12 4l-8 8',
  help: 'M5.6 6A2.4 2.4 0 1 1 8 8.4v1.2M8 12v.2',
  out: 'M6.5 2.5h-4v11h4M6.5 8h7M11 5.5 13.5 8 11 10.5',
  again: 'M13 8a5 5 0 1 1-1.5-3.5M13 2.5v2.4h-2.4',
} as const;

export type IconName = keyof typeof PATHS;

export function Picture({ name }: { name: IconName }) {
  return (
    <Icon>
      <path d={PATHS[name]} />
    </Icon>
  );
}
