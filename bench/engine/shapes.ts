/** Records of plain values, described once: what a seed draws them by, and what fast-check shrinks them by. */
import { type Random, randomWord } from '../../src/sim/random.js';

export type Scalar = number | string | boolean;

/** One of these, as likely as it is often in the list; or any 32 bits. The simplest is the first. */
export type Field = readonly Scalar[] | 'word';

export type Shape = Readonly<Record<string, Field>>;

/** What a shape describes. */
export type RecordOf<S extends Shape> = {
  readonly [F in keyof S]: S[F] extends readonly (infer T)[] ? T : number;
};

/** `count` numbers from `from` on. */
export function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

/** A value `times` times: it is as much more likely. */
export function often<T extends Scalar>(times: number, ...values: readonly T[]): T[] {
  return Array.from({ length: times }, () => values).flat();
}

/** `start` with a value for each field of a shape. */
export function draw(shape: Shape, luck: Random, start: Record<string, Scalar> = {}): Record<string, Scalar> {
  for (const name of Object.keys(shape)) {
    const field = shape[name];
    start[name] = field === 'word' ? randomWord(luck) : field[Math.floor(luck() * field.length)];
  }
  return start;
}
