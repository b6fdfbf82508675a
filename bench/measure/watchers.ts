/** Who looks at a gateway while it works: readers of its events, a scraper, and the page in a browser. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CHROMIUM, CHROMIUM_FLAGS, HAS_CHROMIUM } from '../../lab/browser.js';
import type { Lab, Task } from '../../lab/index.js';
import { METRICS_PATH } from '../../src/api/paths.js';

/** Where the watched gateway listens, in its own namespace. */
export const WATCHED = '127.0.0.1:8088';

const FLAGS = [...CHROMIUM_FLAGS, '--headless=new', '--remote-debugging-port=0'];
const STREAMS = 4;
/** Prometheus asks every fifteen seconds; this is a harder scraper. */
const SCRAPE = `while :; do curl -s -o /dev/null http://${WATCHED}${METRICS_PATH}; sleep 1; done`;
/** They are other machines' work: here they have what time nobody else wants. */
const LAST = ['nice', '-n', '19'];
const OPEN_WITHIN_MS = 30_000;

export interface Watchers {
  /** Streams of events that were open: of the readers, and of the page where there is a browser. */
  readonly streams: number;
  readonly hasPage: boolean;
  stop(): Promise<void>;
}

/** `wantsPage`: in a browser, where there is one. */
export async function startWatchers(lab: Lab, wantsPage: boolean): Promise<Watchers> {
  const hasPage = wantsPage && HAS_CHROMIUM;
  const tasks: Task[] = [];
  const start = (...command: string[]): void => void tasks.push(lab.gateway.spawn([...LAST, ...command]));
  const stop = async (): Promise<void> => {
    await Promise.all(tasks.map((task) => task.stop()));
  };
  try {
    for (let i = 0; i < STREAMS; i++) start('curl', '-sN', '-o', '/dev/null', `http://${WATCHED}/v1/events`);
    start('sh', '-c', SCRAPE);
    const profile = join(lab.directory, `chromium-${Date.now()}`);
    if (hasPage) start(CHROMIUM, ...FLAGS, `--user-data-dir=${profile}`, `http://${WATCHED}/`);
    const wanted = STREAMS + (hasPage ? 1 : 0);
    return { streams: await untilOpen(lab, wanted), hasPage, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Connections to the gateway that stay. */
async function untilOpen(lab: Lab, wanted: number): Promise<number> {
  const deadline = performance.now() + OPEN_WITHIN_MS;
  for (;;) {
    const port = WATCHED.split(':')[1];
    const open = await lab.gateway.must(['ss', '-Htn', 'state', 'established', `( sport = :${port} )`]);
    const count = open.split('\n').filter((line) => line !== '').length;
    if (count >= wanted) return count;
    if (performance.now() > deadline) throw new Error(`${count} of ${wanted} streams of events are open`);
    await sleep(200);
  }
}
