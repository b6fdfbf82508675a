/** Brings the kernel to the desired state. Safe to repeat; takes over what a predecessor left. */

import { HELPED } from '../model/calls.js';
import { PathraceError } from '../model/errors.js';
import { runCommand, tryCommand, tryNft } from './command.js';
import {
  CHAIN_QUEUE_CALLS,
  CHAIN_QUEUE_DNS,
  CHAIN_QUEUE_LAN,
  CHAIN_QUEUE_WAN,
  RT_PROTOCOL,
  TABLE,
} from './constants.js';
import type { DesiredState, KernelAbilities } from './desired.js';
import { currentIp, desiredIp, type IpFamily, ipChanges } from './ip-state.js';
import { appendQueueRule, detectQueueMethod } from './queue-method.js';
import { renderNft } from './render.js';
import { helperBody } from './render-calls.js';
import { recordedSettings, recordSettings } from './sysctl.js';
import { takesEach } from './takes-rule.js';

/** What rules this kernel takes, and which of the matches it knows; nothing is changed to find out. What it does not know no entry has. */
export async function detectAbilities(
  matches: readonly string[] = [],
): Promise<{ readonly abilities: KernelAbilities; readonly matches: readonly string[] }> {
  const rules = ['rt ipsec exists meta secpath exists', 'log group 1 queue-threshold 1', ...matches];
  const [queue, taken] = await Promise.all([
    detectQueueMethod(),
    takesEach([...rules.map((rule) => ({ rule })), ...HELPED.map((one) => ({ helper: helperBody(one) }))]),
  ]);
  const [ipsec = false, log = false, ...others] = taken;
  const helpers = HELPED.filter((_, i) => others[matches.length + i]);
  return { abilities: { queue, ipsec, log, helpers }, matches: matches.filter((_, i) => others[i]) };
}

/**
 * Rules and routing tables; only what differs is touched, and returned. Before the ruleset, so that no mark is without a table.
 */
export async function applyIpState(state: DesiredState, hasIpv6: boolean): Promise<string[]> {
  return [...(await applyIp(state, 'ipv4')), ...(hasIpv6 ? await applyIp(state, 'ipv6') : [])];
}

/** What became of the table when the new ruleset did not fit what was there. */
export interface Replacement {
  /** The table is new, with empty sets and maps. */
  isNew: boolean;
  /** What was recorded in the one before and is not in the new one yet. */
  settings: ReadonlyMap<string, string> | null;
}

/**
 * The ruleset, replaced in one transaction; what only the state before had is removed. What fails halfway is gone on with by the
 * next call with the same `replacement`.
 */
export async function applyNftState(
  state: DesiredState,
  before: DesiredState | null = null,
  replacement: Replacement = { isNew: false, settings: null },
): Promise<void> {
  const text = renderNft(state, before);
  // A table and all that it knows is not thrown away for a failure that passes.
  if ((await tryNft(text)).code !== 0) {
    // What an older version left may have sets of another shape: the whole table anew, with what was recorded in it.
    const recorded = recordedSettings();
    if (recorded.size > 0) replacement.settings = recorded;
    replacement.isNew = true;
    await runCommand(
      'nft',
      ['-f', '-'],
      `add table inet ${TABLE}\ndelete table inet ${TABLE}\n${renderNft(state)}`,
    );
  }
  if (replacement.settings !== null) await recordSettings(replacement.settings);
  replacement.settings = null;
  if (state.queue.method === 'xt') {
    appendQueueRule(CHAIN_QUEUE_LAN, state.queue.lan);
    appendQueueRule(CHAIN_QUEUE_WAN, state.queue.wan);
    appendQueueRule(CHAIN_QUEUE_DNS, state.queue.dns);
    appendQueueRule(CHAIN_QUEUE_CALLS, state.queue.calls);
  }
}

async function applyIp(state: DesiredState, family: IpFamily): Promise<string[]> {
  const flag = family === 'ipv4' ? '-4' : '-6';
  const [rules, routes] = await Promise.all([
    runCommand('ip', ['-j', flag, 'rule', 'show']),
    runCommand('ip', ['-j', flag, 'route', 'show', 'table', 'all', 'proto', String(RT_PROTOCOL)]),
  ]);
  const changes = ipChanges(currentIp(rules, routes, family), desiredIp(state, family));
  if (changes.length === 0) return changes;
  // An interface can vanish between reading and writing: the other lines count, the next change comes at once.
  const result = await tryCommand('ip', ['-force', flag, '-batch', '-'], `${changes.join('\n')}\n`);
  const fatal = result.stderr.split('\n').filter((line) => line !== '' && !HARMLESS.test(line));
  if (result.code !== 0 && fatal.length > 0) {
    throw new PathraceError('E_COMMAND_FAILED', `"ip -batch" failed: ${fatal.slice(0, 3).join(' | ')}.`);
  }
  return changes;
}

/** What an interface is that is going, is not up, or has no IPv6. EACCES is IPv6 switched off; who has no privilege gets EPERM. */
const HARMLESS =
  /^Command failed|Permission denied|Cannot find device|No such (device|process|file)|(Network|device) is (down|not up|unreachable)|not up|disabled on nexthop device|File exists|Nexthop has invalid gateway/i;
