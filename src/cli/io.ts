/** What a command sees of the process: where it writes, and what the terminal can do. */
import { toFields } from '../api/answer.js';
import type { PathraceError } from '../model/errors.js';
import type { Signals } from './signals.js';

export interface Output {
  write(text: string, done?: (error?: Error | null) => void): unknown;
  readonly writableLength?: number;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** Standard input, where a person may be. */
export interface Input {
  readonly isTTY?: boolean;
}

export interface CommandIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Opened when it is asked for: it is nobody else's business. */
  readonly input?: (() => Input) | undefined;
  /** Of a command that runs until it is told to end. */
  readonly signals?: Signals | undefined;
  /** Resolves when Ctrl-C is pressed, which from the call on does not end the process by itself. */
  readonly interrupted?: (() => Promise<void>) | undefined;
  /** Where a terminal is read: tells each key that is pressed, Ctrl-C among them, until what it gives is called. */
  readonly keys?: ((pressed: (key: string) => void) => () => void) | undefined;
}

/** Exit codes of every command but `status --check`. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** Of every document: goes up when a field changes its meaning or goes, not when one is added. */
export const JSON_FORMAT = 1;

/** What a command with `--json` has to say, as the one document on standard output; `ok`: whether it ends with 0. */
export function writeResult(io: CommandIo, fields: Readonly<Record<string, unknown>>, ok = true): void {
  io.stdout.write(`${JSON.stringify(resultDocument(fields, ok), null, 2)}\n`);
}

/** An error instead of that: the same shape for every command, and as the control socket has it. */
export function writeError(io: CommandIo, error: PathraceError): void {
  io.stdout.write(`${JSON.stringify(errorDocument(error), null, 2)}\n`);
}

export function resultDocument(fields: Readonly<Record<string, unknown>>, ok = true): object {
  return { format: JSON_FORMAT, ok, ...fields };
}

export function errorDocument(error: PathraceError): object {
  return { format: JSON_FORMAT, ok: false, error: toFields(error) };
}
