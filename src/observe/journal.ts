/** How the log and errors are written, by who reads them: a person, a program, or systemd's journal. */
import { fstatSync } from 'node:fs';

/** `json` for programs; `readable` for a terminal; `journal`: for systemd's, which has its own clock and reads `<N>` as a priority. */
export type LogForm = 'json' | 'readable' | 'journal';

/** How the log of this process is to be written: by what its standard error is (systemd.exec(5), JOURNAL_STREAM). */
export function logForm(env: { readonly JOURNAL_STREAM?: string | undefined }, descriptor = 2): LogForm {
  if (descriptor === 2 && process.stderr.isTTY === true) return 'readable';
  return isJournal(env.JOURNAL_STREAM, descriptor) ? 'journal' : 'json';
}

/** The variable is inherited, what it is about need not be. */
function isJournal(stream: string | undefined, descriptor: number): boolean {
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** As syslog numbers it (sd-daemon(3)). */
export function journalPriority(level: string): string {
  return `<${PRIORITIES[level] ?? 6}>`;
}

const PRIORITIES: Readonly<Record<string, number>> = {
  fatal: 2,
  error: 3,
  warn: 4,
  info: 6,
  debug: 7,
  trace: 7,
};
