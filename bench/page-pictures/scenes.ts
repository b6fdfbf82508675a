/** What the pictures show: which view, when in the office's day, and what somebody has done there before. */
import type { Page } from 'playwright-core';
import { BANK, PORTS } from './office.js';

/** `outside`: nobody has logged in; `silent`: a provider has just gone silent; `healed`: it answers again. */
export type Moment = 'outside' | 'working' | 'silent' | 'healed';

export interface Scene {
  readonly name: string;
  readonly at: Moment;
  /** Behind `#/` in the address. */
  readonly view: string;
  readonly act?: (page: Page) => Promise<unknown>;
  /** Of a wide window where there is more to see than on a first look, in pixels. */
  readonly height?: number;
}

export interface Look {
  /** Behind the scene's name in that of the file. */
  readonly suffix: string;
  readonly colours: 'light' | 'dark';
  readonly isPhone: boolean;
}

export const LOOKS: readonly Look[] = [
  { suffix: '', colours: 'light', isPhone: false },
  { suffix: '-dark', colours: 'dark', isPhone: false },
  { suffix: '-phone', colours: 'light', isPhone: true },
];

/** The provider that goes silent. */
export const SILENT = 'cable';

export const SCENES: readonly Scene[] = [
  { name: 'login', at: 'outside', view: '' },
  { name: 'overview', at: 'working', view: '' },
  { name: 'destinations', at: 'working', view: 'destinations' },
  { name: 'flows', at: 'working', view: 'flows' },
  {
    name: 'why',
    at: 'working',
    view: 'flows?service=web',
    act: async (page) => {
      const raced = page.locator('.rows tbody tr', { hasText: 'the first to answer' });
      await raced.first().locator('.stretched').click();
      await page.getByRole('dialog').getByText('Services before it that did not match').waitFor();
    },
  },
  {
    name: 'services',
    at: 'working',
    view: 'services',
    act: async (page) => {
      await page.getByLabel('From client').fill('10.0.0.3');
      await page.getByLabel(/To destination/).fill(`${BANK.place.ipv4}:${PORTS.web}`);
      await page.getByRole('button', { name: 'Ask' }).click();
      await page.locator('.outcome-text').first().waitFor();
      // Hits a second are told from the second answer on.
      await page
        .getByText(/taken, /)
        .first()
        .waitFor();
    },
  },
  {
    name: 'mistake',
    at: 'working',
    view: 'configuration',
    act: async (page) => {
      await rewrite(page, (text) => text.replace('cost: 8/GB', 'cots: 8/GB').replace('500MB', '500'));
      await page.locator('.problems li').first().waitFor();
    },
  },
  {
    name: 'configuration',
    at: 'working',
    view: 'configuration',
    act: async (page) => {
      await change(page);
      await page.getByRole('button', { name: 'Compare' }).click();
      await page.locator('.preview').waitFor();
    },
  },
  {
    name: 'compare',
    at: 'working',
    view: 'configuration',
    act: async (page) => {
      await change(page);
      await page.getByRole('button', { name: 'Apply …' }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  { name: 'silent', at: 'silent', view: '', height: 1180 },
  { name: 'turned', at: 'silent', view: 'destinations' },
  { name: 'route', at: 'healed', view: `routes/${SILENT}`, height: 1040 },
];

/** A cheaper tariff of radio with more in it, mail by another criterion, and a larger memory. */
async function change(page: Page): Promise<void> {
  await rewrite(page, (text) =>
    text
      .replace('cost: 8/GB', 'cost: 6/GB')
      .replace('volume: 500MB', 'volume: 2GB')
      .replace('select: weighted', 'select: cable')
      .replace('memory: { ', 'memory: { size: 200000, '),
  );
  await page.getByText('Right: a gateway would start with it').waitFor();
}

async function rewrite(page: Page, edit: (text: string) => string): Promise<void> {
  const field = page.getByLabel('Text of the configuration file');
  await field.fill(edit(await field.inputValue()));
}
