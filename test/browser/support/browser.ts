/** What every test asks of a page. */
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

/** What went wrong in a page: errors of scripts, requests to elsewhere, what its policy forbade. */
export function watchPage(page: Page, origin: string): string[] {
  // BOUNDED: the life of one test's page.
  const wrong: string[] = [];
  page.on('pageerror', (error) => wrong.push(String(error.stack)));
  page.on('console', (message) => {
    const text = message.text();
    // The browser says so of each refusal; the page says it better.
    if (message.type() === 'error' && !text.startsWith('Failed to load resource')) wrong.push(text);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('data:'))
      wrong.push(`asked ${request.url()}`);
  });
  return wrong;
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** What axe finds serious or worse. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // The policy of the page forbids scripts of others; a debugger is none of its visitors.
  await page.evaluate(await readAxe());
  const { violations } = (await page.evaluate('axe.run(document)')) as AxeResult;
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)} ${nodes[0]?.failureSummary ?? ''}`);
}

let axe: string | null = null;
async function readAxe(): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  axe ??= await readFile(AXE, 'utf8');
  return axe;
}

/** Pixels by which the page is wider than its window. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}

export const VIEWS = [
  '',
  'destinations',
  'flows',
  'flows?kind=decided',
  'services',
  'configuration',
  'routes/b',
] as const;

/** Opens a view by its address, and waits until it shows what the gateway has said. */
export async function openView(page: Page, origin: string, view: string): Promise<void> {
  await page.goto(`${origin}/#/${view}`);
  await page.locator('main h1').first().waitFor();
  await page.getByText('Asking the gateway').waitFor({ state: 'detached' });
}
