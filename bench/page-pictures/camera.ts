/** Takes a scene in all looks, from one page, and makes the files small. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { ORIGIN } from './office.js';
import { LOOKS, type Look, type Scene } from './scenes.js';

export interface Camera {
  /** The scene's page, with everything done that belongs to it. */
  open(scene: Scene): Promise<Page>;
  take(scene: Scene, page: Page): Promise<void>;
  /** What is wrong with a page that was seen: errors of its scripts, what is wider than its window. BOUNDED: one run. */
  readonly complaints: string[];
}

const WIDE = { width: 1440, height: 900 } as const;
const PHONE = { width: 390, height: 844 } as const;
/** Charts are drawn anew with other colours and sizes, and counters come once a second. */
const SETTLE_MS = 1300;

export function camera(browser: BrowserContext, folder: string): Camera {
  const complaints: string[] = [];
  return {
    complaints,
    async open(scene) {
      const page = await browser.newPage();
      page.on('pageerror', (error) => complaints.push(`${scene.name}: ${error.stack}`));
      await dress(page, scene, LOOKS[0] as Look);
      await page.goto(`${ORIGIN}/#/${scene.view}`);
      await page.locator('h1').first().waitFor();
      await page.getByText('Asking the gateway').waitFor({ state: 'detached' });
      await scene.act?.(page);
      await page.waitForTimeout(SETTLE_MS);
      return page;
    },
    async take(scene, page) {
      await page.bringToFront();
      await page.mouse.move(0, 0);
      for (const look of LOOKS) {
        const name = `page-${scene.name}${look.suffix}`;
        await dress(page, scene, look);
        await page.waitForTimeout(SETTLE_MS);
        await page.evaluate('scrollTo(0, 0)');
        const over = await page.evaluate<number>(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        );
        if (over > 0) complaints.push(`${name}: ${over} pixels wider than its window`);
        const path = join(folder, `${name}.png`);
        await page.screenshot({ path });
        shrink(path);
      }
    },
  };
}

async function dress(page: Page, { height = WIDE.height }: Scene, look: Look): Promise<void> {
  await page.setViewportSize(look.isPhone ? PHONE : { ...WIDE, height });
  await page.emulateMedia({ colorScheme: look.colours, reducedMotion: 'reduce' });
}

/** A palette takes a third of the bytes; without pngquant they stay as they are. */
function shrink(path: string): void {
  spawnSync('pngquant', ['--force', '--ext', '.png', '--speed', '1', '--nofs', '64', path], {
    stdio: 'ignore',
  });
}
