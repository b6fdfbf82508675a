/**
 * The page while 5 000 decisions a second are made. A made-up gateway makes them, as fast as a real one at its limit would and with as large a
 * sample: what is measured is the page.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { HAS_CHROMIUM, openBrowser } from '../../lab/browser.js';

const SERVER = fileURLToPath(new URL('../../web/dev/server.mjs', import.meta.url));
const SECONDS = 6;

test.skipIf(!HAS_CHROMIUM)(
  '5 000 decisions a second: the page says that it shows some, and has time left',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pathrace-fluid-'));
    const args = [SERVER, '--port', '0', '--rate', '5000', '--routes', '4'];
    const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    const origin = /http:\/\/[\d.:]+/.exec(line.toString())?.[0] ?? '';
    const browser = await openBrowser(directory, null);
    try {
      const page = await browser.newPage();
      await page.goto(`${origin}/`);
      await page.locator('.race').nth(5).waitFor();
      await page.getByText(/5 000 decisions a second: the gateway sends a sample of \d+/).waitFor();
      const session = await browser.newCDPSession(page);
      // Time of the processor, not of the clock: others use this machine, too.
      await session.send('Performance.enable', { timeDomain: 'threadTicks' });
      const busy = async (): Promise<number> => {
        const { metrics } = await session.send('Performance.getMetrics');
        return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN;
      };
      const before = await busy();
      const first = await page.locator('.race .address').allTextContents();
      await page.waitForTimeout(SECONDS * 1000);
      const share = ((await busy()) - before) / SECONDS;
      console.log(`main thread: ${(100 * share).toFixed(1)} % of a processor at 5 000 decisions a second`);
      expect(share).toBeGreaterThan(0);
      expect(share).toBeLessThan(0.35);
      expect(await page.locator('.race .address').allTextContents()).not.toEqual(first);
      expect(await page.locator('.race').count()).toBeLessThanOrEqual(14);
    } finally {
      await browser.close();
      server.kill();
      rmSync(directory, { recursive: true, force: true });
    }
  },
);
