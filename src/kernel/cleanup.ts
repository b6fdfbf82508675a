/** Removes everything that Pathrace has put into the kernel of this network namespace, with only the kernel to go by. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PathraceError } from '../model/errors.js';
import { tryCommand } from './command.js';
import { RT_PROTOCOL, TABLE } from './constants.js';
import { currentIp, type IpFamily, ipChanges } from './ip-state.js';
import { lockNamespace } from './namespace-lock.js';
import { recordedSettings, restoreSettings } from './sysctl.js';

/** What was removed or restored, a line each; empty when nothing was there. */
export interface CleanupReport {
  readonly removed: string[];
}

/** A dying daemon holds its lock for a moment. */
const LAST_BREATH_MS = 1500;

/**
 * Removes the table, rules, routes, and restores sysctls. Refuses while a gateway runs in the namespace, unless
 * `force`.
 */
export async function cleanUp(options: { force: boolean }): Promise<CleanupReport> {
  if (!options.force) await refuseWhileRunning();
  return removeState();
}

/** The same without the question; the gateway calls it when it ends. */
export async function removeState(): Promise<CleanupReport> {
  const removed: string[] = [];
  // Before the table goes that they are recorded in; forwarding ends before translation does.
  removed.push(...(await restoreSettings(recordedSettings())).map((path) => `sysctl ${path}`));
  if ((await tryCommand('nft', ['delete', 'table', 'inet', TABLE])).code === 0)
    removed.push(`nft table inet ${TABLE}`);
  for (const family of ['ipv4', 'ipv6'] as const) removed.push(...(await removeIp(family)));
  return { removed };
}

async function removeIp(family: IpFamily): Promise<string[]> {
  const flag = family === 'ipv4' ? '-4' : '-6';
  const rules = await tryCommand('ip', ['-j', flag, 'rule', 'show']);
  const routes = await tryCommand('ip', [
    '-j',
    flag,
    'route',
    'show',
    'table',
    'all',
    'proto',
    String(RT_PROTOCOL),
  ]);
  if (rules.code !== 0 || routes.code !== 0) return [];
  const changes = ipChanges(currentIp(rules.stdout, routes.stdout), { rules: [], routes: [] });
  if (changes.length > 0) await tryCommand('ip', ['-force', flag, '-batch', '-'], `${changes.join('\n')}\n`);
  return changes.map((line) => `${family} ${line.replace(' del', '')}`);
}

async function refuseWhileRunning(): Promise<void> {
  const until = Date.now() + LAST_BREATH_MS;
  for (;;) {
    try {
      const lock = await lockNamespace();
      lock.close();
      return;
    } catch (error) {
      if (!(error instanceof PathraceError) || error.code !== 'E_ALREADY_RUNNING') throw error;
      if (Date.now() > until) {
        throw new PathraceError('E_ALREADY_RUNNING', error.message, {
          remedy: 'Stop it first (SIGTERM removes everything), or use --force.',
        });
      }
    }
    await sleep(50);
  }
}
