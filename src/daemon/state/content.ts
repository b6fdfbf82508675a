/** What the state file keeps: commands, pins, and what of the quotas is used. Checked as input from outside, and by a check sum. */
import { createHash } from 'node:crypto';
import { isCanonical, type KeptPin } from '../kept-pins.js';
import { haveOwnNames } from '../stored.js';
import { isState } from '../validators.js';

/** What every state file begins with. */
export const MARK = '{"pathrace":"state",';
export const MAX_STATE_BYTES = 1_048_576;

/** 1 has no pins: what has none is written so that it can be read by those who know no other. */
const VERSION = 2;
const WITHOUT_PINS = 1;

export interface State {
  readonly clock: { readonly lastMs: number; readonly steadyMs: number };
  /** The kernel's name for the time since it was started, and its byte counters then, by interface or counter. */
  readonly boot: string;
  readonly counters: Readonly<Record<string, number>>;
  readonly routes: readonly KeptRoute[];
  readonly pins: readonly KeptPin[];
}

export interface KeptRoute {
  readonly name: string;
  readonly admin: 'enabled' | 'draining' | 'disabled';
  /** When it was commanded, wall time; 0: not known. */
  readonly commandedMs: number;
  readonly ledger: {
    readonly days: Readonly<Record<string, number>>;
    readonly undated: number;
    readonly today: string | null;
    readonly latest: string | null;
    readonly left: string | null;
  };
}

type Written = Omit<State, 'pins'> & Partial<Pick<State, 'pins'>>;

function readState(value: unknown): Written | null {
  if (!isState(value)) return null;
  const written = value as Written;
  const { routes, pins = [] } = written;
  return haveOwnNames(routes) && pins.every(isCanonical) ? written : null;
}

export type StateDefect = 'corrupt' | 'newer-version';

export function encodeState({ pins, ...others }: State): string {
  const content = JSON.stringify(pins.length === 0 ? others : { ...others, pins });
  const version = pins.length === 0 ? WITHOUT_PINS : VERSION;
  return `${MARK}"version":${version},"sha256":"${digest(content)}","content":\n${content}\n}\n`;
}

export function decodeState(text: string): State | StateDefect {
  let outer: { version?: unknown; sha256?: unknown; content?: unknown };
  try {
    outer = JSON.parse(text);
  } catch {
    return 'corrupt';
  }
  if (typeof outer.version === 'number' && outer.version > VERSION) return 'newer-version';
  const isKnown = outer.version === VERSION || outer.version === WITHOUT_PINS;
  if (!isKnown || outer.sha256 !== digest(JSON.stringify(outer.content ?? null))) return 'corrupt';
  const written = readState(outer.content);
  return written === null ? 'corrupt' : { pins: [], ...written };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
