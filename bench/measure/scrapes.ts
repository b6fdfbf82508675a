/** What it takes to be scraped: time as a scraper sees it, and the memory of the daemon. */
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { METRICS_PATH } from '../../src/api/paths.js';
import { residentBytes } from '../process-time.js';
import { median } from '../side-by-side.js';

export interface ScrapeFigures {
  readonly firstMs: number;
  readonly medianMs: number;
  readonly largestMs: number;
  readonly bytes: number;
  readonly residentBefore: number;
  readonly residentFirst: number;
  readonly residentAfter: number;
}

/** Scrapes a gateway, of process `pid`, over its control socket. */
export async function measureScrapes(socket: string, pid: number, count = 50): Promise<ScrapeFigures> {
  const residentBefore = residentBytes(pid);
  const first = await scrape(socket);
  const residentFirst = residentBytes(pid);
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    await sleep(50);
    const one = await scrape(socket);
    times.push(one.ms);
    bytes = one.bytes;
  }
  return {
    firstMs: first.ms,
    medianMs: median(times),
    largestMs: Math.max(...times),
    bytes,
    residentBefore,
    residentFirst,
    residentAfter: residentBytes(pid),
  };
}

function scrape(socketPath: string): Promise<{ ms: number; bytes: number }> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: METRICS_PATH }, (answer) => {
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve({ ms: performance.now() - startedAt, bytes });
        else reject(new Error(`a scrape was answered with ${answer.statusCode}`));
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}
