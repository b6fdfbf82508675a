/**
 * The pictures of the page in docs/pictures, of a real gateway at work in the lab: `node dist/bench/page-pictures.js [SCENE ...]
 * [--into FOLDER] [--after SECONDS]`. It takes five minutes, most of them traffic that fills the charts. Needs Chromium (CHROMIUM, or
 * /usr/bin/chromium); with pngquant the files become small. Exit code 1 when a page had errors or was wider than its window.
 */
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { BrowserContext, Page } from 'playwright-core';
import { openBrowser } from '../lab/browser.js';
import { type Lab, startLab } from '../lab/index.js';
import { ensurePrivileges } from '../lab/privileges.js';
import { PathraceError } from '../src/model/errors.js';
import { type Camera, camera } from './page-pictures/camera.js';
import { startOfficeGateway } from './page-pictures/gateway.js';
import { ORIGIN, SCENARIO } from './page-pictures/office.js';
import { type Moment, SCENES, type Scene, SILENT } from './page-pictures/scenes.js';
import { type OfficeTraffic, startOfficeTraffic } from './page-pictures/traffic.js';

interface Options {
  readonly scenes: readonly Scene[];
  readonly folder: string;
  readonly afterMs: number;
}

const OFTEN_ENOUGH_MS = 130_000;
/** A route that has fallen proves itself before it is used again. */
const PATIENCE_MS = 120_000;
/** What a fall does to destinations takes a moment. */
const SILENCE_MS = 4000;

async function main(argv: string[]): Promise<number> {
  const options = readOptions(argv);
  process.env.PATH = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;
  ensurePrivileges();
  mkdirSync(options.folder, { recursive: true });
  const lab = await startLab(SCENARIO);
  try {
    const complaints = await inLab(lab, options);
    for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
    return complaints.length === 0 ? 0 : 1;
  } finally {
    await lab.stop();
  }
}

async function inLab(lab: Lab, options: Options): Promise<readonly string[]> {
  const gateway = await startOfficeGateway(lab);
  const traffic = await startOfficeTraffic(lab);
  const browser = await openBrowser(lab.directory, lab.gateway);
  try {
    const eye = camera(browser, options.folder);
    const filled = Promise.all([new Promise((done) => setTimeout(done, options.afterMs)), lab.play()]);
    await takeAll(eye, at(options, 'outside'));
    await logIn(browser, gateway.token);
    say('traffic fills the charts');
    await filled;
    await takeAll(eye, at(options, 'working'));
    const [silent, healed] = [at(options, 'silent'), at(options, 'healed')];
    if (silent.length + healed.length > 0) await silence(lab, eye, silent);
    await traffic.holdAgain();
    await takeAll(eye, healed);
    say(`${traffic.counts.made} connections, ${traffic.counts.failed} of them failed`);
    return eye.complaints;
  } catch (error) {
    process.stderr.write(gateway.task.stderr().slice(-2000));
    throw error;
  } finally {
    await end(browser, traffic);
    await gateway.task.stop(8000);
  }
}

async function takeAll(eye: Camera, scenes: readonly Scene[]): Promise<void> {
  for (const scene of scenes) {
    say(scene.name);
    const page = await eye.open(scene);
    await eye.take(scene, page);
    await page.close();
  }
}

/** The pages are open when it begins, since what has happened is told from then on. */
async function silence(lab: Lab, eye: Camera, scenes: readonly Scene[]): Promise<void> {
  const watch = await eye.open({ name: 'watch', at: 'silent', view: '' });
  // BOUNDED: scenes.
  const pages: [Scene, Page][] = [];
  for (const scene of scenes) pages.push([scene, await eye.open(scene)]);
  await lab.link(SILENT).set({ blackhole: true });
  await becomes(watch, 'down');
  await watch.waitForTimeout(SILENCE_MS);
  for (const [scene, page] of pages) {
    say(scene.name);
    // It is asked now and then, and in doubt for that time.
    await becomes(watch, 'down');
    await eye.take(scene, page);
    await page.close();
  }
  await lab.link(SILENT).set({ blackhole: false });
  await becomes(watch, 'up');
  await watch.close();
}

async function becomes(page: Page, state: string): Promise<void> {
  await page
    .getByRole('article', { name: `Route ${SILENT}` })
    .locator('.badge', { hasText: state })
    .waitFor({ timeout: PATIENCE_MS });
}

async function logIn(browser: BrowserContext, token: string): Promise<void> {
  const page = await browser.newPage();
  await page.goto(`${ORIGIN}/`);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Enter' }).click();
  await page.locator('.chip', { hasText: 'live' }).waitFor();
  await page.close();
}

async function end(browser: BrowserContext, traffic: OfficeTraffic): Promise<void> {
  traffic.stop();
  await browser.close();
}

function at({ scenes }: Options, moment: Moment): readonly Scene[] {
  return scenes.filter((scene) => scene.at === moment);
}

function say(words: string): void {
  process.stdout.write(`${words}\n`);
}

function readOptions(argv: string[]): Options {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { into: { type: 'string' }, after: { type: 'string' } },
  });
  const strange = positionals.find((word) => !SCENES.some(({ name }) => name === word));
  if (strange !== undefined)
    throw new PathraceError('E_ARGUMENT', `page-pictures: there is no scene "${strange}".`, {
      expected: SCENES.map(({ name }) => name).join(', '),
    });
  return {
    scenes: SCENES.filter(({ name }) => positionals.length === 0 || positionals.includes(name)),
    folder: values.into ?? 'docs/pictures',
    afterMs: values.after === undefined ? OFTEN_ENOUGH_MS : 1000 * Number(values.after),
  };
}

process.exitCode = await main(process.argv.slice(2));
