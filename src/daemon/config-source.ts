/** The configuration file of a running gateway: read when told to, and compared with what runs when somebody asks. */
import { createHash } from 'node:crypto';
import type { Status } from '../api/contract.js';
import { diffConfigs } from '../config/diff.js';
import { readBoundedApart, readConfigApart } from '../config/read.js';
import { dateText, monotonicMs } from '../kernel/clock.js';
import type { GatewayConfig } from '../model/config.js';
import { PathraceError } from '../model/errors.js';
import { leaveBehind, within } from './patience.js';

/** Nobody who asks what is in use waits longer for the disk, milliseconds. */
const LOOK_MS = 500;
/** Nor does a reload, longer than this. */
const READ_MS = 3000;

export class ConfigSource {
  private digest: string | null = null;
  private readAtMs = monotonicMs();
  private looking: Promise<{ readonly digest: string | null }> | null = null;
  /** A read that was not waited for. */
  private hanging: Promise<true> | null = null;
  private compared: { readonly running: GatewayConfig; readonly differences: number } | null = null;

  /** `read`: what the file said a moment ago. `parser`: from a text, and the file's name for messages, to what is in it. */
  constructor(
    readonly path: string,
    private read: GatewayConfig,
    private readonly parser: (text: string, fileName: string) => Promise<GatewayConfig>,
  ) {}

  /** What a text says as that of this file. Throws E_CONFIG_INVALID. */
  parse(text: string): Promise<GatewayConfig> {
    return this.parser(text, this.path);
  }

  /** Takes the file's content for what `read` was made of. */
  async begin(): Promise<this> {
    this.digest = await digestOf(this.path);
    return this;
  }

  /** Reads the file again. Throws as `readConfig` and `parse`, and then what was read before counts. */
  async load(parse: (text: string) => Promise<GatewayConfig>): Promise<GatewayConfig> {
    const text = await this.readApart();
    this.read = await parse(text);
    this.digest = hashOf(text);
    this.readAtMs = monotonicMs();
    this.compared = null;
    return this.read;
  }

  /** Before it is parsed: a file that changes meanwhile is told as changed, not as read. A disk that hangs costs one thread. */
  private async readApart(): Promise<string> {
    const { hanging } = this;
    if (hanging !== null && (await within(hanging, READ_MS)) === null) throw this.stuck();
    const reading = readConfigApart(this.path);
    const text = await within(reading, READ_MS);
    if (text !== null) return text;
    this.hanging = reading.then(
      () => true,
      () => true,
    );
    leaveBehind();
    throw this.stuck();
  }

  private stuck(): PathraceError {
    const what = `${this.path} cannot be read: its disk has not answered for ${READ_MS / 1000} s.`;
    return new PathraceError('E_CONFIG_UNREADABLE', `${what} What runs stays as it is.`);
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

/** null: it cannot be read. */
function digestOf(path: string): Promise<string | null> {
  return readBoundedApart(path).then(
    (bytes) => hashOf(new TextDecoder('utf-8').decode(bytes)),
    () => null,
  );
}
