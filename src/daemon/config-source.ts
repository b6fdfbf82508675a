/** The configuration file of a running gateway: read when told to, and compared with what runs when somebody asks. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Status } from '../api/contract.js';
import { diffConfigs } from '../config/diff.js';
import { MAX_CONFIG_BYTES, readConfig } from '../config/load.js';
import { dateText, monotonicMs } from '../kernel/clock.js';
import type { GatewayConfig } from '../model/config.js';
import { leaveBehind, within } from './patience.js';

/** Nobody who asks what is in use waits longer for the disk, milliseconds. */
const LOOK_MS = 500;

export class ConfigSource {
  private digest: string | null = null;
  private readAtMs = monotonicMs();
  private looking: Promise<{ readonly digest: string | null }> | null = null;
  private compared: { readonly running: GatewayConfig; readonly differences: number } | null = null;

  /** `read`: what the file said a moment ago. */
  constructor(
    readonly path: string,
    private read: GatewayConfig,
  ) {}

  /** Takes the file's content for what `read` was made of. */
  async begin(): Promise<this> {
    this.digest = await digestOf(this.path);
    return this;
  }

  /** Reads the file again. Throws as `readConfig` and `parse`, and then what was read before counts. */
  async load(parse: (text: string) => Promise<GatewayConfig>): Promise<GatewayConfig> {
    // At once: a file that changes while it is parsed is told as changed, not as read.
    const text = readConfig(this.path);
    this.read = await parse(text);
    this.digest = hashOf(text);
    this.readAtMs = monotonicMs();
    this.compared = null;
    return this.read;
  }

  /** What is in the file now, for `report`; null: it cannot be read. A disk that hangs costs one thread, however many ask. */
  async look(): Promise<string | null> {
    this.looking ??= digestOf(this.path)
      .then((digest) => ({ digest }))
      .finally(() => {
        this.looking = null;
      });
    const found = await within(this.looking, LOOK_MS);
    if (found === null) leaveBehind();
    return found?.digest ?? null;
  }

  /** What of the file is in use. `running`: the configuration in force. */
  report(
    digest: string | null,
    running: GatewayConfig,
    { isChanging, isOwed }: { readonly isChanging: boolean; readonly isOwed: boolean },
  ): NonNullable<Status['configuration']> {
    const differences = this.differences(running);
    const stateOf = (): NonNullable<Status['configuration']>['state'] => {
      if (digest === null) return 'gone';
      if (digest !== this.digest) return 'changed';
      if (isChanging) return 'applying';
      if (isOwed) return 'failed';
      return differences === 0 ? 'same' : 'waiting';
    };
    return { file: this.path, readAt: dateText(this.readAtMs), state: stateOf(), differences };
  }

  private differences(running: GatewayConfig): number {
    if (this.compared?.running !== running)
      this.compared = { running, differences: diffConfigs(running, this.read).length };
    return this.compared.differences;
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Of as much as a configuration may have; null: it cannot be read. */
async function digestOf(path: string): Promise<string | null> {
  const handle = await open(path, 'r').catch(() => null);
  if (handle === null) return null;
  try {
    const buffer = new Uint8Array(MAX_CONFIG_BYTES + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read)
      read = (await handle.read(buffer, length, buffer.length - length)).bytesRead;
    return hashOf(new TextDecoder('utf-8').decode(buffer.subarray(0, length)));
  } catch {
    return null;
  } finally {
    await handle.close();
  }
}
