// Takes pictures of a page that is served: node web/dev/look.mjs ADDRESS FOLDER [SCENE[@dark][@phone] ...]; those of docs/pictures without a
// scene. Needs Chromium (CHROMIUM, or /usr/bin/chromium); with pngquant they become small.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, env } from 'node:process';
import { chromium } from 'playwright-core';

const [address, folder, ...asked] = argv.slice(2);
const SIZES = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

/** What is opened, and what is done there before the picture. */
const SCENES = {
  overview: { view: '' },
  silent: {
    view: '',
    before: () => fetch(`${address}dev/silence?route=cable`),
    wait: 6000,
    after: () => fetch(`${address}dev/heal`),
  },
  destinations: { view: 'destinations' },
  turned: {
    view: 'destinations',
    before: () => fetch(`${address}dev/silence?route=cable`),
    after: () => fetch(`${address}dev/heal`),
  },
  flows: { view: 'flows' },
  why: { view: 'flows', act: (page) => page.locator('.stretched').nth(1).click() },
  services: {
    view: 'services',
    act: async (page) => {
      await page.getByLabel('From client').fill('192.168.1.20');
      await page.getByLabel(/To destination/).fill('203.0.113.7:443');
      await page.getByRole('button', { name: 'Ask' }).click();
    },
  },
  configuration: {
    view: 'configuration',
    act: async (page) => {
      const field = page.getByLabel('Text of the configuration file');
      await field.fill((await field.inputValue()).replace('cost: 0.4', 'cots: 0.4'));
    },
  },
  compare: {
    view: 'configuration',
    act: async (page) => {
      const field = page.getByLabel('Text of the configuration file');
      await field.fill((await field.inputValue()).replace('cost: 0.4', 'cost: 0.5'));
      await page.waitForTimeout(700);
      await page.getByRole('button', { name: 'Apply' }).click();
    },
  },
  route: { view: 'routes/cable' },
  keys: { view: '', act: (page) => page.keyboard.press('?') },
};
const OF_DOCS = [
  'overview',
  'silent',
  'destinations',
  'turned',
  'flows',
  'why',
  'services',
  'configuration',
  'compare',
  'route',
];
const wanted = asked.length > 0 ? asked : OF_DOCS.flatMap((name) => [name, `${name}@dark`, `${name}@phone`]);

const home = mkdtempSync(join(tmpdir(), 'pathrace-look-'));
mkdirSync(folder, { recursive: true });
const context = await chromium.launchPersistentContext(home, {
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
  for (const spec of wanted) await take(spec);
} finally {
  await context.close();
  rmSync(home, { recursive: true, force: true });
}

async function take(spec) {
  const [name, ...how] = spec.split('@');
  const { view, before, act, after, wait = view === '' ? 2500 : 1000 } = SCENES[name] ?? { view: name };
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && console.log(`${spec}: ${message.text()}`));
  page.on('pageerror', (error) => console.log(`${spec}: ${error.stack}`));
  await page.setViewportSize(SIZES[how.includes('phone') ? 'phone' : 'wide']);
  await page.emulateMedia({ colorScheme: how.includes('dark') ? 'dark' : 'light', reducedMotion: 'reduce' });
  await page.goto(`${address}#/${view}`);
  await page.waitForTimeout(700);
  await before?.();
  await page.waitForTimeout(wait);
  await act?.(page);
  await page.waitForTimeout(900);
  const over = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  if (over > 0) console.log(`${spec}: ${over} px too wide`);
  const path = join(folder, `page-${spec.replaceAll(/[@/]/g, '-')}.png`);
  await page.screenshot({ path });
  await page.close();
  await after?.();
  spawnSync('pngquant', ['--force', '--ext', '.png', '--speed', '1', '--nofs', '64', path], {
    stdio: 'ignore',
  });
}
