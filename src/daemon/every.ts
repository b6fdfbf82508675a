/** Who fails says so itself. */
export const NOT_TOLD = { failed() {}, worked() {} };

/**
 * Repeats work that takes a while: never twice at one time, and a failure does not end it: it is told, and so is every success.
 * Returns what ends it.
 */
export function every(
  ms: number,
  work: () => Promise<void>,
  told: { failed(error: unknown): void; worked(): void },
): () => void {
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    Promise.resolve()
      .then(work)
      .then(
        () => told.worked(),
        (error: unknown) => told.failed(error),
      )
      .finally(() => {
        busy = false;
      });
  }, ms);
  return () => clearInterval(timer);
}
