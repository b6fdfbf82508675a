/** `pathrace drain`, `undrain`, `kill`, `disable` and `enable`: commands on one route. */
import { callControl, commandControl } from '../api/client.js';
import type { RouteCommand, RouteCommandReport, RouteStatus } from '../api/contract.js';
import { ROUTES_PATH, routePath } from '../api/paths.js';
import { isName, NAME_ALLOWED } from '../config/values/texts.js';
import { PathraceError } from '../model/errors.js';
import { type CommandIo, EXIT, writeResult } from './io.js';
import { STATE_COLOURS } from './route-state.js';
import { formatCount, type Paint, paintFor, printable } from './style.js';

export interface RouteCommandOptions {
  readonly control: string;
  readonly json?: boolean;
}

export async function runRouteCommand(
  name: string,
  command: RouteCommand,
  { control, json = false }: RouteCommandOptions,
  io: CommandIo,
): Promise<number> {
  if (!isName(name)) {
    const found = JSON.stringify(name.slice(0, 80));
    throw new PathraceError('E_ARGUMENT', 'Not the name of a route.', { found, expected: NAME_ALLOWED });
  }
  const report = (await commandControl(control, routePath(name, command))) as RouteCommandReport;
  if (json) {
    writeResult(io, { ...report });
    return EXIT.ok;
  }
  // The command is done; only its line is poorer when the gateway does not answer a second time.
  const routes = (await callControl(control, ROUTES_PATH).catch(() => [])) as readonly RouteStatus[];
  const route = routes.find((one) => one.name === name);
  io.stdout.write(renderCommand(command, report, route, paintFor(io.stdout, io.env)));
  return EXIT.ok;
}

/** One line that says what happened; `route` is its state after that, if known. */
export function renderCommand(
  command: RouteCommand,
  { route: name, state, cut, left = 0 }: RouteCommandReport,
  route: RouteStatus | undefined,
  paint: Paint,
): string {
  const reasons = state === 'down' || state === 'suspect' ? (route?.reasons ?? []) : [];
  const why = reasons.length === 0 ? '' : ` (${printable(reasons.join(', '))})`;
  const now = `${printable(name)} is ${paint(STATE_COLOURS[state] ?? 'dim', printable(state))}${why}`;
  const more = `${formatCount(left)} ${left === 1 ? 'is' : 'are'} being cut (\`pathrace status\` says how many are left)`;
  if (left > 0) return `${now}; ${cut === 0 ? '' : `${wereCut(cut)}, `}${more}\n`;
  return `${now}; ${consequence(command, state, cut, route?.connections)}\n`;
}

function consequence(
  command: RouteCommand,
  state: RouteCommandReport['state'],
  cut: number,
  connections: number | undefined,
): string {
  switch (command) {
    case 'kill':
      return wereCut(cut);
    case 'drain':
    case 'disable':
      return cut > 0 ? wereCut(cut) : stay(connections);
    case 'undrain':
    case 'enable':
      return NEXT[state] ?? 'done';
  }
}

function wereCut(cut: number): string {
  if (cut === 0) return 'it had no connections to cut';
  return cut === 1 ? '1 connection was cut' : `${formatCount(cut)} connections were cut`;
}

function stay(connections: number | undefined): string {
  if (connections === undefined) return 'its connections stay until they end';
  if (connections === 0) return 'it has no connections left';
  return connections === 1
    ? '1 connection stays until it ends'
    : `${formatCount(connections)} connections stay until they end`;
}

/** What a route in a state does, for somebody who has just wanted it back. */
const NEXT: Readonly<Record<RouteCommandReport['state'], string | undefined>> = {
  up: 'new connections use it',
  suspect: 'races try it, and it is up again when it answers',
  down: 'it is used when it works again',
  draining: 'new connections use it after `pathrace undrain`',
  disabled: 'new connections use it after `pathrace enable`',
};
