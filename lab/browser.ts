/** Chromium with an empty profile of its own, on this machine or on one of the lab, driven by playwright-core. */
import { chmodSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import type { Host } from './host.js';

export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const HAS_CHROMIUM = existsSync(CHROMIUM);

/** Its profile goes to a new folder in `directory`; null: on this machine. */
export async function openBrowser(directory: string, host: Host | null): Promise<BrowserContext> {
  const home = mkdtempSync(join(directory, 'chromium-'));
  const start = join(home, 'start');
  const inside = host === null ? '' : `ip netns exec ${host.namespace} `;
  writeFileSync(start, `#!/bin/sh\nexec ${inside}${CHROMIUM} "$@"\n`);
  chmodSync(start, 0o755);
  const context = await chromium.launchPersistentContext(join(home, 'profile'), {
    executablePath: start,
    args: [...CHROMIUM_FLAGS],
    viewport: { width: 1440, height: 900 },
    reducedMotion: 'reduce',
    timeout: 60_000,
  });
  context.setDefaultTimeout(20_000);
  return context;
}

/** Of everything that it does by itself, nothing. */
export const CHROMIUM_FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
] as const;
