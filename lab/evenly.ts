/** Many packets at an even pace, as far as this thread keeps up with it. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Calls `send` with 0 to `count` - 1, spread over `milliseconds`; what is late is made up for. Gives the milliseconds it took. */
export async function evenly(
  count: number,
  milliseconds: number,
  send: (n: number) => void,
): Promise<number> {
  const startedAt = performance.now();
  for (let sent = 0; sent < count; ) {
    const due = Math.min(count, Math.ceil(((performance.now() - startedAt) / milliseconds) * count));
    for (; sent < due; sent++) send(sent);
    await sleep(1);
  }
  return performance.now() - startedAt;
}
