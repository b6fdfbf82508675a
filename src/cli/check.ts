/** `pathrace check`: every mistake of a configuration, or that there is none, and what it would change. */
import { askPreview } from '../api/client.js';
import type { ReloadPreview } from '../api/contract.js';
import { parseConfig } from '../config/load.js';
import { ConfigError } from '../config/problems.js';
import { readConfig } from '../config/read.js';
import type { GatewayConfig } from '../model/config.js';
import { PathraceError } from '../model/errors.js';
import { countChanges, renderChanges, renderEffects } from './changes.js';
import { controlSocket } from './defaults.js';
import { type CommandIo, EXIT, writeResult } from './io.js';
import { reportProblems } from './problems.js';
import { type Paint, paintFor, printable } from './style.js';

export interface CheckOptions {
  readonly json: boolean;
  /** Also show the difference to the running gateway. */
  readonly diff: boolean;
  /** Where it listens; where the file says, if not named. */
  readonly control: string | undefined;
}

export async function runCheck(file: string, options: CheckOptions, io: CommandIo): Promise<number> {
  const { json, diff, control } = options;
  let text: string;
  let config: GatewayConfig;
  try {
    text = readConfig(file);
    config = parseConfig(text, file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return reportProblems(error, json, io);
  }
  const services = config.services.length === 1 ? '1 service' : `${config.services.length} services`;
  const notes = await notesOf(config);
  if (!json) {
    io.stdout.write(`${file}: ok, ${config.routes.length} routes, ${services}\n`);
    const paint = paintFor(io.stdout, io.env);
    for (const note of notes) io.stdout.write(`${paint('yellow', `note: ${printable(note)}`)}\n`);
  }
  const preview = diff ? await askRunning(text, controlSocket(control, io.env, config.control)) : undefined;
  if (json) writeResult(io, { file, notes, config, ...preview });
  else if (preview !== undefined) io.stdout.write(renderDiff(preview, paintFor(io.stdout, io.env)));
  return EXIT.ok;
}

/** What does not fit the interfaces of this machine. Those that it does not have may be another machine's. */
async function notesOf(config: GatewayConfig): Promise<readonly string[]> {
  const { readLinks } = await import('../kernel/links.js');
  const { addressNotes } = await import('../kernel/address-notes.js');
  const snapshot = await readLinks().catch(() => null);
  return snapshot === null ? [] : addressNotes(config, snapshot).map(({ text }) => text);
}

/** What `reload` would do with the file. */
export function renderDiff({ changes, effects }: ReloadPreview, paint: Paint): string {
  if (changes.length === 0) return 'The gateway runs with the same configuration.\n';
  const restart = changes.filter(({ apply }) => apply === 'restart').length;
  const some = restart === 0 ? '' : `, of which ${restart} ${restart === 1 ? 'needs' : 'need'} a restart`;
  const result = `${countChanges(changes.length)} to the running gateway${some}\n`;
  return `${renderChanges(changes, paint)}${renderEffects(effects)}${result}`;
}

/** The gateway itself says what it would do: it alone knows what it began with and what it carries. */
async function askRunning(text: string, control: string): Promise<ReloadPreview> {
  let said: unknown;
  try {
    said = await askPreview(control, text);
  } catch (error) {
    // It does not know the question, or reads the file in another way than we do.
    if (error instanceof PathraceError && OF_ANOTHER_VERSION.includes(error.code))
      throw otherVersion(control, error.message);
    throw error;
  }
  if (!isPreview(said)) throw otherVersion(control, undefined);
  return said;
}

const OF_ANOTHER_VERSION: readonly string[] = ['E_ARGUMENT', 'E_CONFIG_INVALID'];

function otherVersion(control: string, found: string | undefined): PathraceError {
  return new PathraceError('E_CONTROL_UNREACHABLE', `The gateway at ${control} is of another version.`, {
    found,
    remedy: 'Restart the gateway with this version first.',
  });
}

/** Whether an answer has the shape of ours: that of another version may not. */
function isPreview(value: unknown): value is ReloadPreview {
  if (typeof value !== 'object' || value === null) return false;
  const { changes, effects } = value as Partial<Record<keyof ReloadPreview, unknown>>;
  const isLine = (line: unknown, key: string): boolean =>
    typeof line === 'object' && line !== null && typeof (line as Record<string, unknown>)[key] === 'string';
  return (
    Array.isArray(changes) &&
    changes.every((change) => isLine(change, 'key')) &&
    Array.isArray(effects) &&
    effects.every((effect) => isLine(effect, 'text'))
  );
}
