/** The pictures of the documentation are what the runs of today draw, and say in words what they show. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LOOKS, SCENES } from '../../bench/page-pictures/scenes.js';
import { PICTURES } from '../../bench/pictures/index.js';
import { CRITERIA } from '../../src/model/config.js';

const ROOT = new URL('../../', import.meta.url);

function file(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

it.each(Object.entries(PICTURES))('%s is what `npm run docs` draws', (path, draw) => {
  const picture = draw();
  expect(file(path)).toBe(picture);
  expect(/<title id="t">.{10,}<\/title>/.test(picture)).toBe(true);
  expect(/<desc id="d">.{80,}<\/desc>/.test(picture)).toBe(true);
});

it('no picture is left of another time', () => {
  const found = readdirSync(new URL('docs/pictures', ROOT))
    .filter((name) => name.endsWith('.svg'))
    .map((name) => `docs/pictures/${name}`);
  expect(found.sort()).toEqual(Object.keys(PICTURES).sort());
});

it('the page is shown in each scene and look, in files that load fast', () => {
  const folder = new URL('docs/pictures/', ROOT);
  const found = readdirSync(folder).filter((name) => name.endsWith('.png'));
  const wanted = SCENES.flatMap(({ name }) => LOOKS.map(({ suffix }) => `page-${name}${suffix}.png`));
  expect(found.sort()).toEqual(wanted.sort());
  for (const name of found) expect(statSync(new URL(name, folder)).size).toBeLessThan(200_000);
});

describe('the page of the criteria', () => {
  const page = file('docs/guide/criteria.md');

  it.each([...CRITERIA, 'fixed'])('shows %s, with words in place of the picture', (name) => {
    const alternative = page.match(
      new RegExp(`!\\[(.+)\\]\\(\\.\\./pictures/criterion-${name}\\.svg\\)`),
    )?.[1];
    expect(alternative?.length).toBeGreaterThan(40);
  });

  it('says the counts that the pictures show', () => {
    for (const name of [...CRITERIA, 'fixed']) {
      const [, counts] =
        / connections (\d+ by fiber, \d+ by cable, \d+ by lte)/.exec(
          file(`docs/pictures/criterion-${name}.svg`),
        ) ?? [];
      expect([name, page.includes(`${counts}`)]).toEqual([name, true]);
    }
  });
});

it('every packet diagram is shown somewhere, with words in place of it', () => {
  const page = file('docs/guide/how-it-works.md');
  for (const path of Object.keys(PICTURES).filter((one) => one.includes('packets-')))
    expect(page).toMatch(new RegExp(`!\\[.{40,}\\]\\(\\.\\./${path.slice(5)}\\)`));
});
