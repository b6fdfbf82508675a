/** The tokens that count now: their file is looked at once a second, so that no request waits for a disk. */
import { readTokens, stampOf } from '../api/token-file.js';
import type { Token } from '../api/tokens.js';
import type { Log } from '../observe/log.js';
import { within } from './patience.js';

const DISK_MS = 3000;

export class TokenKeeper {
  tokens: readonly Token[] = [];
  private stamp: string | null = null;
  private path: string | null = null;
  private trouble: string | null = null;

  constructor(private readonly log: Log) {}

  /** null: there is no file. Of one that cannot be used no token counts. */
  async look(path: string | null): Promise<void> {
    if (path === null) {
      this.tokens = [];
      this.trouble = null;
    } else {
      const stamp = await within(stampOf(path), DISK_MS);
      if (path === this.path && stamp !== null && stamp === this.stamp) return;
      await this.read(path);
    }
    this.path = path;
  }

  alarms(): string[] {
    return this.trouble === null ? [] : [this.trouble];
  }

  private async read(path: string): Promise<void> {
    try {
      const found = await within(readTokens(path), DISK_MS);
      if (found === null) return;
      this.tokens = found.tokens;
      this.stamp = found.stamp;
      this.trouble = null;
      this.log.info(
        { event: 'tokens-read', count: found.tokens.length },
        `tokens of the API read from ${path}`,
      );
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.tokens = [];
      this.stamp = null;
      if (this.trouble !== why) this.log.warn({ event: 'tokens-failed' }, why);
      this.trouble = why;
    }
  }
}
