/** Keys that take one value or a list of values. */
import { bad, type Mistake, type Parsed } from '../parsed.js';

/** How a list is read. */
export interface ListRule<T> {
  /** One of them, for messages: `interface`. */
  readonly noun: string;
  readonly max: number;
  readonly one: (item: unknown) => Parsed<T>;
}

/** One value or a list of 1 to `max` different ones; every wrong item is a mistake of its own. */
export function listOf<T extends string | number>({ noun, max, one }: ListRule<T>) {
  return (raw: unknown): Parsed<readonly T[]> => {
    const items: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
    if (items.length === 0) return bad('The list is empty.');
    if (items.length > max) return bad('The list is too long.', `at most ${max} in a list`);
    const found = new Set<T>(); // BOUNDED: max.
    const problems: Mistake[] = []; // BOUNDED: a few per item.
    items.forEach((item, index) => {
      const path = Array.isArray(raw) ? [index] : [];
      const result = one(item);
      if (!('value' in result)) {
        problems.push(
          ...result.problems.map((mistake) => ({ ...mistake, path: [...path, ...mistake.path] })),
        );
      } else if (found.has(result.value)) problems.push({ path, message: `The ${noun} is there twice.` });
      else found.add(result.value);
    });
    return problems.length > 0 ? { problems } : { value: [...found] };
  };
}
