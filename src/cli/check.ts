/** `pathrace check`: every mistake of a configuration, or that there is none, and what it would change. */
import { callControl } from '../api/client.js';
import type { ConfigChange } from '../api/contract.js';
import { CONFIG_PATH } from '../api/paths.js';
import { loadConfig } from '../config/load.js';
import { ConfigError } from '../config/problems.js';
import type { GatewayConfig } from '../model/config.js';
import { PathraceError } from '../model/errors.js';
import { countChanges, renderChanges } from './changes.js';
import { type CommandIo, EXIT, writeJson } from './io.js';
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
  let config: GatewayConfig;
  try {
    config = loadConfig(file);
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
  const changes = diff ? await diffToRunning(config, control ?? config.control) : undefined;
  if (json)
    writeJson(io.stdout, { ok: true, file, problems: [], notes, config, ...(diff ? { changes } : {}) });
  else if (changes !== undefined) io.stdout.write(renderDiff(changes, paintFor(io.stdout, io.env)));
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
export function renderDiff(changes: readonly ConfigChange[], paint: Paint): string {
  if (changes.length === 0) return 'The gateway runs with the same configuration.\n';
  const restart = changes.filter(({ apply }) => apply === 'restart').length;
  const some = restart === 0 ? '' : `, of which ${restart} ${restart === 1 ? 'needs' : 'need'} a restart`;
  return `${renderChanges(changes, paint)}${countChanges(changes.length)} to the running gateway${some}\n`;
}

async function diffToRunning(config: GatewayConfig, control: string): Promise<readonly ConfigChange[]> {
  const running = await callControl(control, CONFIG_PATH);
  // As over the socket, so that both sides are plain values of the same kind.
  const after = JSON.parse(JSON.stringify(config)) as GatewayConfig;
  if (!isConfig(running, after)) {
    throw new PathraceError('E_CONTROL_UNREACHABLE', `The gateway at ${control} is of another version.`, {
      remedy: 'Restart the gateway with this version first.',
    });
  }
  const { diffConfigs } = await import('../config/diff.js');
  return diffConfigs(running, after);
}

/** Whether what a gateway says has the shape of our configurations: one of another version may not. */
function isConfig(value: unknown, ours: GatewayConfig): value is GatewayConfig {
  if (!hasKindsOf(value, ours)) return false;
  const { routes, services } = value as GatewayConfig;
  const [route] = ours.routes;
  return (
    routes.every((one) => typeof one?.name === 'string' && Object.keys(route).every((key) => key in one)) &&
    services.every((one) => hasKindsOf(one, { name: '', match: {}, select: {} }))
  );
}

/** Whether `value` has all keys of `model`, each with the same kind of value. */
function hasKindsOf(value: unknown, model: object): boolean {
  if (kindOf(value) !== 'object') return false;
  const object = value as Readonly<Record<string, unknown>>;
  return Object.entries(model).every(([key, wanted]) => kindOf(object[key]) === kindOf(wanted));
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  return value === null ? 'null' : typeof value;
}
