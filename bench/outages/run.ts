/** Episodes until so many connections have been made: in this thread, or shared by several. The same for the same seed, however many. */
import { Worker } from 'node:worker_threads';
import { runEpisode } from './episode.js';
import { addEpisode, addReport, createReport, type Report } from './report.js';

/** Every n-th episode from a seed on, `count` of them. */
export interface Share {
  readonly seed: number;
  readonly step: number;
  readonly count: number;
}

/** Runs a share; told after each episode. */
export function runShare({ seed, step, count }: Share, onEpisode?: (report: Report) => void): Report {
  const report = createReport();
  for (let i = 0; i < count; i++) {
    addEpisode(report, runEpisode(seed + i * step));
    onEpisode?.(report);
  }
  return report;
}

/** What a thread says: its share so far, and in the end. */
export interface ShareMessage {
  readonly report: Report;
  readonly isDone: boolean;
}

/** Runs episodes in threads; `onProgress` is told of all of them together, every few seconds. */
export async function runShares(
  shares: readonly Share[],
  onProgress: (report: Report) => void,
): Promise<Report> {
  const latest = shares.map(() => createReport());
  const sum = (): Report => {
    const all = createReport();
    for (const report of latest) addReport(all, report);
    return all;
  };
  await Promise.all(
    shares.map(
      (share, i) =>
        new Promise<void>((resolve, reject) => {
          const worker = new Worker(new URL('./worker.js', import.meta.url), {
            workerData: share,
            // What a packet leaves behind is gone soon: collected less often it costs a third.
            resourceLimits: { maxYoungGenerationSizeMb: 64 },
          });
          worker.on('message', ({ report, isDone }: ShareMessage) => {
            latest[i] = report;
            if (isDone) resolve();
            else onProgress(sum());
          });
          worker.on('error', reject);
          worker.on('exit', (code) => reject(new Error(`a thread has ended with code ${code}`)));
        }),
    ),
  );
  return sum();
}
