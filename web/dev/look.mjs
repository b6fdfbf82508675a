// Takes pictures of views of a page that is served: node web/dev/look.mjs ADDRESS FOLDER [VIEW ...]. Needs Chromium (CHROMIUM, or /usr/bin/chromium).
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, env } from 'node:process';
import { chromium } from 'playwright-core';

const [address, folder, ...wanted] = argv.slice(2);
const SIZES = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const home = mkdtempSync(join(tmpdir(), 'pathrace-look-'));
mkdirSync(folder, { recursive: true });
const browser = await chromium.launchPersistentContext(home, {
  executablePath: env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
try {
  const views =
    wanted.length > 0 ? wanted : ['overview', 'destinations', 'flows', 'services', 'configuration'];
  for (const spec of views) {
    const [view, theme = 'light', size = 'wide'] = spec.split('@');
    const page = await browser.newPage();
    await page.setViewportSize(SIZES[size]);
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    page.on('console', (message) => message.type() === 'error' && console.log(`${spec}: ${message.text()}`));
    page.on('pageerror', (error) => console.log(`${spec}: ${error.stack}`));
    await page.goto(`${address}#/${view === 'overview' ? '' : view}`);
    await page.waitForTimeout(4500);
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    if (overflow > 0) console.log(`${spec}: ${overflow} px too wide`);
    await page.screenshot({
      path: join(folder, `${spec.replaceAll(/[@/?=&]/g, '-')}.png`),
      fullPage: spec.endsWith('@full'),
    });
    await page.close();
  }
} finally {
  await browser.close();
  rmSync(home, { recursive: true, force: true });
}
