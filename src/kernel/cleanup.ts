/** Removes everything that Pathrace has put into the kernel of this network namespace, with only the kernel to go by. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PathraceError } from '../model/errors.js';
import { attemptCommand } from './command.js';
import { RT_PROTOCOL, TABLE } from './constants.js';
import { currentIp, type IpFamily, ipChanges } from './ip-state.js';
import { lockNamespace } from './namespace-lock.js';
import { readObjects } from './nft-read.js';
import { recordedSettings, restoreSettings } from './sysctl.js';

/** A line each. */
export interface CleanupReport {
  /** What was removed; empty when nothing was there. */
  readonly removed: readonly string[];
  /** Settings that have the value again that they had before. */
  readonly restored: readonly string[];
  /** What could not be removed, with the words of the tool that failed. */
  readonly left: readonly string[];
}

/** A dying daemon holds its lock for a moment. */
const LAST_BREATH_MS = 1500;

/**
 * Removes the table, rules, routes, and restores sysctls. Refuses while a gateway runs in the namespace, unless
 * `force`.
 */
export async function cleanUp(options: { force: boolean }): Promise<CleanupReport> {
  if (options.force) return removeState();
  // Held meanwhile: no gateway that starts now has its state removed.
  const lock = await lockWhenFree();
  try {
    return await removeState();
  } finally {
    lock.close();
  }
}

/** The same without the question; the gateway calls it when it ends. */
export async function removeState(): Promise<CleanupReport> {
  const removed = new Set<string>();
  const restored = new Set<string>();
  let left: string[] = [];
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    left = [...(await removeTable(removed, restored)), ...(await removeIp('ipv4', removed))];
    if (existsSync('/proc/net/if_inet6')) left.push(...(await removeIp('ipv6', removed)));
    if (left.length === 0) break;
    await sleep(ATTEMPT_DELAY_MS);
  }
  return { removed: [...removed], restored: [...restored], left };
}

/** A tool may fail once, for want of memory or because somebody else changes the same. */
const ATTEMPTS = 4;
const ATTEMPT_DELAY_MS = 100;

async function removeTable(removed: Set<string>, restored: Set<string>): Promise<string[]> {
  try {
    return await tryToRemoveTable(removed, restored);
  } catch (error) {
    return [`nft table inet ${TABLE} (${words(String(error))})`];
  }
}

async function tryToRemoveTable(removed: Set<string>, restored: Set<string>): Promise<string[]> {
  // Before the table goes that they are recorded in; forwarding ends before translation does.
  for (const path of await restoreSettings(recordedSettings())) restored.add(`sysctl ${path}`);
  const name = `nft table inet ${TABLE}`;
  const { code, stderr } = await attemptCommand('nft', ['delete', 'table', 'inet', TABLE]);
  if (code === 0) removed.add(name);
  // Nft also refuses to delete what is not there.
  return code === 0 || readObjects().length === 0 ? [] : [`${name} (${words(stderr)})`];
}

async function removeIp(family: IpFamily, removed: Set<string>): Promise<string[]> {
  const flag = family === 'ipv4' ? '-4' : '-6';
  const show = ['route', 'show', 'table', 'all', 'proto', String(RT_PROTOCOL)];
  const rules = await attemptCommand('ip', ['-j', flag, 'rule', 'show']);
  const routes = await attemptCommand('ip', ['-j', flag, ...show]);
  const unread = [rules, routes].find(({ code }) => code !== 0);
  if (unread !== undefined) return [`${family} rules and routes (${words(unread.stderr)})`];
  const changes = ipChanges(currentIp(rules.stdout, routes.stdout, family), { rules: [], routes: [] });
  if (changes.length === 0) return [];
  const lines = changes.map((line) => `${family} ${line.replace(' del', '')}`);
  const { code, stderr } = await attemptCommand(
    'ip',
    ['-force', flag, '-batch', '-'],
    `${changes.join('\n')}\n`,
  );
  if (code !== 0) return lines.map((line) => `${line} (${words(stderr)})`);
  for (const line of lines) removed.add(line);
  return [];
}

function words(text: string): string {
  return text.trim().split('\n')[0];
}

async function lockWhenFree(): Promise<{ close(): void }> {
  const until = performance.now() + LAST_BREATH_MS;
  for (;;) {
    try {
      return lockNamespace();
    } catch (error) {
      if (!(error instanceof PathraceError) || error.code !== 'E_ALREADY_RUNNING') throw error;
      if (performance.now() > until) {
        throw new PathraceError('E_ALREADY_RUNNING', error.message, {
          remedy: 'Stop it first (SIGTERM removes everything), or use --force.',
        });
      }
    }
    await sleep(50);
  }
}
