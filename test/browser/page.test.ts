/** The page in a real browser, with a real gateway behind it: what it shows is what the gateway and the wire say. */
import { readFileSync } from 'node:fs';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HAS_CHROMIUM, openBrowser } from '../../lab/browser.js';
import { explainDecision } from '../../src/api/words/decisions.js';
import { eventually, FAR, NEAR } from '../lab/support/gateway-lab.js';
import { openView, overflowOf, seriousFindings, VIEWS, watchPage } from './support/browser.js';
import { connect, ORIGIN, PORT, type Site, startSite } from './support/site.js';

// The page is checked where there is a browser: Debian's package `chromium`.
describe.skipIf(!HAS_CHROMIUM)('the page, in Chromium', () => {
  let site: Site;
  let browser: BrowserContext;
  let page: Page;
  let wrong: string[];

  beforeAll(async () => {
    site = await startSite();
    browser = await openBrowser(site.made.lab.directory, site.made.lab.gateway);
    page = await browser.newPage();
    wrong = watchPage(page, ORIGIN);
  });

  afterAll(async () => {
    await browser?.close();
    await site?.made.stop();
  });

  async function logIn(token: string): Promise<void> {
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Enter' }).click();
  }

  test('a token is asked for, checked, and kept nowhere that the page could read', async () => {
    const answer = await page.goto(`${ORIGIN}/`);
    expect(answer?.headers()['content-security-policy']).toContain("default-src 'self'");
    expect(answer?.headers()['content-encoding']).toMatch(/^(br|gzip)$/);
    await logIn('pathrace_wrong');
    await page.getByRole('alert').getByText('The token is not right').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await logIn(site.tokens.operate);
    await page.getByText('day-shift').waitFor();
    await page.locator('.chip', { hasText: 'live' }).waitFor();
    const [cookie, ...others] = await browser.cookies();
    expect(others).toEqual([]);
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
    const kept = 'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])';
    expect(await page.evaluate(kept)).toBe('[{},{},""]');
  });

  test('races appear as they are decided, with the route that the wire shows', async () => {
    await openView(page, ORIGIN, '');
    await site.made.lab.wire.reset();
    await connect(site, 6);
    const row = page.locator('.race', { hasText: `${NEAR}:${PORT}` }).first();
    await row.waitFor();
    const [decision] = await site.made.why(`${NEAR}:${PORT}`);
    const carried = (await site.made.lab.wire.trace()).filter(
      ({ kind, direction, destination }) => kind === 'ack' && direction === 'out' && destination === NEAR,
    );
    expect(new Set(carried.map(({ provider }) => provider))).toEqual(new Set([decision.route]));
    expect(await row.locator('.route-name').textContent()).toBe(decision.route);
    expect(await row.locator('.lane').count()).toBe(decision.routes.length);
    const won = row.locator('.bar.won');
    expect(await won.count()).toBe(1);
    // The nearest answers first: its bar is the shortest.
    const widths = await row
      .locator('.bar')
      .evaluateAll((bars) => bars.map((bar) => bar.getBoundingClientRect().width));
    expect((await won.boundingBox())?.width).toBeLessThanOrEqual(Math.min(...widths) + 3);
    await row.click();
    await page.getByRole('dialog').getByText(explainDecision(decision)).first().waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  test('each route has a card with its state, times and share', async () => {
    await openView(page, ORIGIN, '');
    for (const name of ['a', 'b', 'c']) {
      const card = page.getByRole('article', { name: `Route ${name}` });
      await card.locator('.badge', { hasText: 'up' }).waitFor();
      expect(await card.locator('canvas').count()).toBe(2);
    }
    const { routes } = await site.made.status();
    const wins = routes.reduce((sum, route) => sum + route.wins, 0);
    const share = Math.round((100 * (routes.find(({ name }) => name === 'b')?.wins ?? 0)) / wins);
    await page.getByRole('article', { name: 'Route b' }).getByText(`${share} %`).waitFor();
  });

  test('the heat map shows what is remembered', async () => {
    await openView(page, ORIGIN, 'destinations');
    const memory = JSON.parse(await site.made.command('memory')) as { destination: string; best: string }[];
    expect(memory.length).toBeGreaterThan(0);
    const columns = (await page.locator('.heat thead th').allTextContents()).map((text) => text.trim());
    for (const { destination, best } of memory) {
      expect(best).toBe('b');
      const name = page.getByRole('button', { name: destination, exact: true });
      const row = page.locator('.heat tbody tr', { has: name });
      await row.waitFor();
      const at = await row
        .locator('td.best')
        .evaluate((cell) => (cell as unknown as { cellIndex: number }).cellIndex);
      expect(columns[at]).toBe(best);
    }
  });

  test('a flow says why on click', async () => {
    const connector = site.made.lab.client().connector();
    await connector.run({ targets: [{ address: FAR, port: PORT }], hold: true, bytes: 10 });
    await openView(page, ORIGIN, `flows?destination=${FAR}`);
    await page.locator('.rows tbody tr').first().getByRole('button').click();
    const dialog = page.getByRole('dialog', { name: 'Why' });
    await dialog.getByText('the first to answer').waitFor();
    await dialog.getByText('Services before it that did not match').waitFor();
    await dialog.getByText('names', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await connector.release();
    await connector.stop();
  });

  test('services stand in their order with their hits, and a what-if has the words of the command', async () => {
    await openView(page, ORIGIN, 'services');
    await page.locator('.service h2').first().waitFor();
    expect((await page.locator('.service h2').allInnerTexts()).map((text) => text.trim())).toEqual([
      'names',
      'everything',
    ]);
    const services = JSON.parse(await site.made.command('services')) as { name: string; hits: number }[];
    const hits = services.find(({ name }) => name === 'everything')?.hits ?? 0;
    expect(hits).toBeGreaterThan(5);
    await page
      .locator('.service', { hasText: 'everything' })
      .getByText(String(hits), { exact: true })
      .waitFor();
    const client = site.made.lab.client().ipv4;
    await page.getByLabel('From client').fill(client);
    await page.getByLabel(/To destination/).fill(`${NEAR}:${PORT}`);
    await site.made.lab.wire.reset();
    await page.getByRole('button', { name: 'Ask' }).click();
    await page.locator('.outcome-text').waitFor();
    expect(await page.locator('.outcome-routes li').count()).toBe(3);
    expect((await site.made.lab.wire.trace({ kind: 'syn' })).length).toBe(0);
  });

  test('a configuration is checked in place, compared, and applied', async () => {
    await openView(page, ORIGIN, 'configuration');
    const field = page.getByLabel('Text of the configuration file');
    const text = readFileSync(site.made.configFile, 'utf8');
    expect(await field.inputValue()).toBe(text);
    const lines = text.split('\n');
    const at = lines.findIndex((line) => line.includes('interface:'));
    await field.fill(text.replace('interface:', 'interfce:'));
    await page
      .locator('.problems')
      .getByText(`Line ${at + 1}`)
      .first()
      .waitFor();
    expect(await page.locator('.gutter .bad').allTextContents()).toContain(String(at + 1));
    expect(await page.getByRole('button', { name: 'Apply …' }).isDisabled()).toBe(true);
    await field.fill(text.replace('interface:', 'weight: 7\n    interface:'));
    await page.getByText('Right: a gateway would start with it').waitFor();
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.locator('.preview code', { hasText: 'routes.a.weight' }).waitFor();
    expect(readFileSync(site.made.configFile, 'utf8')).toBe(text);
    await page.getByRole('button', { name: 'Apply …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Apply it' }).click();
    await page.getByText(/^Applied\./).waitFor();
    expect(readFileSync(site.made.configFile, 'utf8')).toContain('weight: 7');
  });

  test('a silent provider turns on the page, and comes back', async () => {
    const { made } = site;
    await made.lab.link('b').set({ blackhole: true });
    await openView(page, ORIGIN, '');
    const state = page.getByRole('article', { name: 'Route b' }).locator('.badge');
    const turned = await eventually(
      async () => {
        await connect(site, 6);
        return (await state.textContent()) ?? '';
      },
      (text) => text !== 'up',
      20_000,
    );
    expect(['suspect', 'down']).toContain(turned);
    await page.locator('.alarm', { hasText: 'route b is' }).waitFor();
    await page.locator('.happened-list li', { hasText: 'b' }).first().waitFor();
    await openView(page, ORIGIN, 'destinations');
    await page.locator('.heat .heat-bad').first().waitFor();
    await made.lab.link('b').set({ blackhole: false });
    await openView(page, ORIGIN, '');
    const back = await eventually(
      async () => {
        await connect(site, 6);
        return (await state.textContent()) ?? '';
      },
      (text) => text === 'up',
      30_000,
    );
    expect(back).toBe('up');
  });

  test('when the gateway is killed the page says so and since when, and takes up again by itself', async () => {
    await openView(page, ORIGIN, '');
    await page.locator('.race').first().waitFor();
    site.made.daemon.signal('SIGKILL');
    await site.made.daemon.done;
    await page.getByText(/The gateway has not answered since \d\d:\d\d:\d\d/).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await site.made.startDaemon();
    // Sessions live in the daemon: a new one asks again.
    await page.getByLabel('Token').waitFor({ timeout: 30_000 });
    await logIn(site.tokens.operate);
    await page.locator('.chip', { hasText: 'live' }).waitFor();
    expect(await page.getByText(/has not answered since/).count()).toBe(0);
    await connect(site, 6);
    await page.locator('.race').first().waitFor();
  });

  test('by keyboard alone: views, help, a row, and out again', async () => {
    await openView(page, ORIGIN, '');
    await page.locator('.race').first().waitFor();
    const focused = () =>
      page.evaluate<string>('document.activeElement.className + document.activeElement.tagName');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('skipBUTTON');
    await page.keyboard.press('Enter');
    expect(await focused()).toBe('MAIN');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('p');
    await page.getByRole('button', { name: 'Go on' }).waitFor();
    for (let step = 0; step < 30 && !(await focused()).startsWith('race'); step++)
      await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Why' }).waitFor();
    await page.keyboard.press('Escape');
    expect(await focused()).toMatch(/^race/);
    await page.keyboard.press('p');
    await page.keyboard.press('3');
    await page.getByRole('heading', { name: 'Flows' }).waitFor();
    await page.keyboard.press('/');
    expect(await focused()).toBe('INPUT');
  });

  test.each(['light', 'dark'] as const)('%s: axe finds nothing serious in any view', async (colorScheme) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const view of VIEWS) {
      await openView(page, ORIGIN, view);
      expect(await seriousFindings(page), view).toEqual([]);
    }
    const colour = await page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
    expect(colour).toBe(colorScheme === 'light' ? 'rgb(243, 245, 248)' : 'rgb(13, 16, 21)');
  });

  test('at the width of a phone nothing has to be moved sideways', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const view of VIEWS) {
      await openView(page, ORIGIN, view);
      expect(await overflowOf(page), view).toBe(0);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  test('who may only read changes nothing', async () => {
    await page.getByRole('button', { name: 'Log out' }).click();
    await logIn(site.tokens.read);
    await openView(page, ORIGIN, 'configuration');
    const field = page.getByLabel('Text of the configuration file');
    expect(await field.getAttribute('readonly')).not.toBeNull();
    expect(await page.getByRole('button', { name: /Apply/ }).count()).toBe(0);
    await openView(page, ORIGIN, 'routes/b');
    expect(await page.getByRole('button', { name: 'Drain' }).count()).toBe(0);
  });

  test('nothing of all that was an error of the page, or asked anybody else', () => {
    expect(wrong).toEqual([]);
  });
});
