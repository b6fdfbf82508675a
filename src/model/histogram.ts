/** Histograms of times, as cells in one array of numbers: whoever counts and whoever shows them agree on this. */

/** Upper bounds, microseconds: from a host next door to a client that has repeated its SYN. */
export const BOUNDS_MICROS = [
  1000, 2000, 5000, 10_000, 20_000, 30_000, 50_000, 75_000, 100_000, 200_000, 300_000, 500_000, 1_000_000,
  3_000_000,
] as const;

/** Times up to each bound (and above the one before), times above all bounds, the sum of all in microseconds. */
export const HISTOGRAM_CELLS = BOUNDS_MICROS.length + 2;
export const SUM_CELL = BOUNDS_MICROS.length + 1;

/** Cells for so many histograms, which threads may share: who counts is never held up by who reads. */
export function createHistograms(count: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(count * HISTOGRAM_CELLS * Float64Array.BYTES_PER_ELEMENT));
}

/** Counts a time in the histogram whose cells begin at `at`. Allocates nothing. */
export function countTime(cells: Float64Array, at: number, micros: number): void {
  let cell = 0;
  while (cell < BOUNDS_MICROS.length && micros > BOUNDS_MICROS[cell]) cell++;
  cells[at + cell]++;
  cells[at + SUM_CELL] += micros;
}

/** How many times a histogram has. */
export function countOf(cells: Float64Array, at: number): number {
  let count = 0;
  for (let cell = 0; cell <= BOUNDS_MICROS.length; cell++) count += cells[at + cell];
  return count;
}
