/** Shows a page again and again, in its place on a terminal, one below the other elsewhere, until Ctrl-C. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PathraceError } from '../model/errors.js';
import type { CommandIo, Output } from './io.js';
import { formatLocal, paintFor } from './style.js';

const DEFAULT_PERIOD_MS = 2000;
const SHORTEST_MS = 100;
const LONGEST_MS = 3_600_000;

/** The period that was typed in seconds, in milliseconds. Throws E_ARGUMENT. */
export function parsePeriod(text: string | true): number {
  if (text === true) return DEFAULT_PERIOD_MS;
  const ms = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) * 1000 : 0;
  if (ms >= SHORTEST_MS && ms <= LONGEST_MS) return ms;
  throw new PathraceError('E_ARGUMENT', 'Not a period to watch with.', {
    found: JSON.stringify(text.slice(0, 80)),
    expected: 'seconds from 0.1 to 3600',
  });
}

export interface WatchOptions {
  /** `pages`: each with its time above it; `lines`: nothing but what `frame` gives. */
  readonly kind: 'pages' | 'lines';
  /** Frames, then it ends; absent: until Ctrl-C. */
  readonly most?: number;
  /** A key was pressed on the terminal: what follows from it. */
  onKey?(key: string): 'redraw' | 'end' | 'nothing';
}

/** What `frame` throws ends it. */
export async function watch(
  io: CommandIo,
  periodMs: number,
  frame: () => Promise<string>,
  { kind, most = Number.POSITIVE_INFINITY, onKey }: WatchOptions,
): Promise<void> {
  let ended = false;
  let pause = new AbortController();
  const end = (): void => {
    ended = true;
    pause.abort();
  };
  const interrupted = (io.interrupted?.() ?? new Promise<void>(() => {})).then(end);
  const redraws = kind === 'pages' && io.stdout.isTTY === true && io.env.TERM !== 'dumb';
  // In raw mode Ctrl-C is a key like any other.
  const leaveKeys =
    !redraws || onKey === undefined
      ? undefined
      : io.keys?.((key) => {
          const follows = key === CTRL_C ? 'end' : onKey(key);
          if (follows === 'end') end();
          else if (follows === 'redraw') pause.abort();
        });
  if (redraws) io.stdout.write(BEGIN);
  try {
    for (let count = 0; !ended && count < most; count++) {
      const text = await Promise.race([frame(), interrupted]);
      if (ended || text === undefined) break;
      if (redraws) io.stdout.write(redrawn(titled(text, io), io.stdout));
      else io.stdout.write(kind === 'lines' ? text : `${count === 0 ? '' : '\n'}${titled(text, io)}`);
      if (count + 1 < most) await sleep(periodMs, undefined, { signal: pause.signal }).catch(() => undefined);
      if (!ended) pause = new AbortController();
    }
  } finally {
    leaveKeys?.();
    if (redraws) io.stdout.write(END);
  }
}

const CTRL_C = '\x03';

/** A cleared screen without a cursor and without lines that go on in the next; and as it was. */
const BEGIN = '\x1b[?25l\x1b[?7l\x1b[2J';
const END = '\x1b[?7h\x1b[?25h';
const HOME = '\x1b[H';
const REST_OF_LINE = '\x1b[K';
const REST_OF_SCREEN = '\x1b[J';

function titled(text: string, io: CommandIo): string {
  return `${paintFor(io.stdout, io.env)('dim', formatLocal(new Date(), false))}\n${text}`;
}

/** What there is room for: a page that scrolls would not stand still. */
function redrawn(text: string, { rows = 24 }: Output): string {
  const lines = text.replace(/\n$/, '').split('\n');
  const shown = lines.slice(0, Math.max(1, rows - 1));
  return `${HOME}${shown.map((line) => `${line}${REST_OF_LINE}\n`).join('')}${REST_OF_SCREEN}`;
}
