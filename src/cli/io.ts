/** What a command sees of the process: where it writes, and what the terminal can do. */
import type { Signals } from './signals.js';

export interface Output {
  write(text: string, done?: (error?: Error | null) => void): unknown;
  readonly writableLength?: number;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface CommandIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of a command that runs until it is told to end. */
  readonly signals?: Signals | undefined;
}

/** Exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** One JSON value as a document of its own. */
export function writeJson(output: Output, value: unknown): void {
  output.write(`${JSON.stringify(value, null, 2)}\n`);
}
