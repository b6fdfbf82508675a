/** A thread of run.ts: its share of the episodes. */
import { parentPort, workerData } from 'node:worker_threads';
import { runShare, type Share, type ShareMessage } from './run.js';

const TELL_EVERY_MS = 10_000;

let told = performance.now();
const report = runShare(workerData as Share, (soFar) => {
  if (performance.now() - told < TELL_EVERY_MS) return;
  told = performance.now();
  parentPort?.postMessage({ report: soFar, isDone: false } satisfies ShareMessage);
});
parentPort?.postMessage({ report, isDone: true } satisfies ShareMessage);
