/** Repeats work that takes a while: never twice at one time, and a failure does not end it. Returns what ends it. */
export function every(ms: number, work: () => Promise<void>): () => void {
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    work()
      .catch(() => undefined)
      .finally(() => {
        busy = false;
      });
  }, ms);
  return () => clearInterval(timer);
}
