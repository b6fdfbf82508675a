/** Single elements of our sets and maps, for people who ask: what the kernel itself would find there now. */

import { type CommandResult, tryCommand } from './command.js';
import { TABLE } from './constants.js';

export interface FoundElement {
  /** Of a map; null: of a set. */
  readonly value: number | null;
  /** Milliseconds until it is gone; null: it stays. */
  readonly leftMs: number | null;
}

/** `key` in nft's words; null: it is not there. */
export async function lookUpElement(name: string, key: string): Promise<FoundElement | null> {
  const { code, stdout } = await ask(name, key);
  if (code !== 0) return null;
  const element = /elements = \{([^}]*)\}/.exec(stdout)?.[1];
  if (element === undefined) return null;
  const value = / : (0x[0-9a-f]+|\d+)/.exec(element)?.[1];
  const left = /expires (\S+)/.exec(element)?.[1];
  return {
    value: value === undefined ? null : Number(value) >>> 0,
    leftMs: left === undefined ? null : durationOf(left),
  };
}

/** The kernel's maps change all the time, and nft gives up when one does while it looks: that is no answer, so it is asked again. */
async function ask(name: string, key: string): Promise<CommandResult> {
  for (let attempt = 1; ; attempt++) {
    const result = await tryCommand('nft', ['get', 'element', 'inet', TABLE, name, `{ ${key} }`]);
    if (attempt === MOST_ATTEMPTS || !result.stderr.includes(INTERRUPTED)) return result;
  }
}

/** One in twenty was given up where races were decided ten times a second. */
const MOST_ATTEMPTS = 6;
/** EINTR, in the words of the C locale. */
const INTERRUPTED = 'Interrupted system call';

/** nft's words for a time: `1d2h3m4s5ms`. */
function durationOf(text: string): number {
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|d|h|m|s)/g)) ms += Number(count) * UNITS[unit];
  return ms;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
