/** Each route has one colour and one shape, everywhere and as long as the page is open. */
import { signal } from '@preact/signals';

// BOUNDED: the routes that were ever configured while the page is open.
const numbers = new Map<string, number>();

/** Counts routes that are new. */
export const knownRoutes = signal(0);

/** In the order of the configuration; called before anything shows them. */
export function learnRoutes(names: readonly string[]): void {
  for (const name of names) if (!numbers.has(name)) numbers.set(name, numbers.size);
  if (numbers.size !== knownRoutes.value) knownRoutes.value = numbers.size;
}

/** Eight colours in four shapes, filled or hollow: 16 routes differ, for those who see no colours, too. */
export function lookOf(name: string): {
  readonly colour: number;
  readonly shape: number;
  readonly hollow: boolean;
} {
  const number = numbers.get(name) ?? numbers.size;
  return { colour: number % COLOURS, shape: number % 4, hollow: number % 16 >= COLOURS };
}

const COLOURS = 8;

/** For the style of an element. */
export function colourOf(name: string): string {
  return `var(--route-${lookOf(name).colour})`;
}

/** A colour of the style sheet as a canvas takes it. */
export function resolved(value: string): string {
  const probe = document.createElement('i');
  probe.style.color = value;
  probe.hidden = true;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
