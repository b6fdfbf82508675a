/**
 * Whatever comes is put in once per animation frame: a burst of events costs one drawing. A page that nobody sees draws once a second.
 */
import { batch } from '@preact/signals';

// BOUNDED: MAX_WAITING, the oldest give way.
const waiting: (() => void)[] = [];
const MAX_WAITING = 500;
const HIDDEN_MS = 1000;
let isDue = false;

/** Calls it with the next frame, together with all others. */
export function withNextFrame(change: () => void): void {
  waiting.push(change);
  if (waiting.length > MAX_WAITING) waiting.shift();
  if (isDue) return;
  isDue = true;
  if (document.hidden) setTimeout(put, HIDDEN_MS);
  else requestAnimationFrame(put);
}

function put(): void {
  isDue = false;
  const changes = waiting.splice(0);
  batch(() => {
    for (const change of changes) change();
  });
}

// Frames stop when the page is hidden in between.
document.addEventListener('visibilitychange', () => {
  if (isDue) put();
});
