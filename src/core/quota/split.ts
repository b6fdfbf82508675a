/** Bytes of an interface that several routes share, given to them by what each has been counted with. Pure. */

/**
 * Whole numbers that are to each other as the weights are, and whose sum is `total`, which is whole. Null where nobody has a weight:
 * then it waits for somebody who has.
 */
export function split(total: number, weights: readonly number[]): number[] | null {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  if (!(sum > 0)) return null;
  const parts: number[] = [];
  let left = total;
  let leftWeight = sum;
  for (const weight of weights) {
    const part = leftWeight > 0 ? Math.min(left, Math.round((left * weight) / leftWeight)) : 0;
    parts.push(part);
    left -= part;
    leftWeight -= weight;
  }
  // What the rounding of fractions has left goes to whoever has the most.
  if (left !== 0) parts[weights.indexOf(Math.max(...weights))] += left;
  return parts;
}
