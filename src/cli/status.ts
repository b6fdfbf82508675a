/** `pathrace status`: routes, races and packets of the running gateway. */
import { callControl } from '../api/client.js';
import type { RouteStatus, Status } from '../api/contract.js';
import { STATUS_PATH } from '../api/paths.js';
import { type CommandIo, EXIT, writeJson } from './io.js';
import { pathText, stateCell } from './route-state.js';
import { formatCount, formatDuration, type Paint, paintFor, printable } from './style.js';
import { type Cell, type Column, renderTable } from './table.js';

export async function runStatus(control: string, json: boolean, io: CommandIo): Promise<number> {
  const status = (await callControl(control, STATUS_PATH)) as Status;
  if (json) writeJson(io.stdout, status);
  else io.stdout.write(renderStatus(status, paintFor(io.stdout, io.env)));
  return EXIT.ok;
}

/** The status as a page for a person. */
export function renderStatus(status: Status, paint: Paint): string {
  const { races, packets } = status;
  const title = paint('bold', `Pathrace ${printable(status.version)}`);
  const lines = [
    status.alarms.map((alarm) => `${paint('red', `! ${printable(alarm)}`)}\n`).join('') +
      (status.notes ?? []).map((note) => `${paint('yellow', `note: ${printable(note)}`)}\n`).join(''),
    `${title}, up ${formatDuration(status.uptimeSeconds)}\n`,
    renderTable(
      ROUTE_COLUMNS,
      status.routes.map((route) => routeCells(route, status.routes)),
      paint,
    ),
    renderMemoryLine(status.memory, paint),
    renderFastPath(status.fastPath, paint),
    renderCounts(
      'races',
      { started: races.started, decided: races.decided, failed: races.failed, active: races.active },
      paint,
    ),
    renderCounts('without a race, by reason', races.single, paint),
    renderCounts('packets dropped, by reason', packets.dropped, paint),
    renderCounts('packets ignored, by reason', packets.ignored, paint),
    renderCounts('packets queued to the daemon', packets.queue, paint),
  ];
  return lines.filter((part) => part !== '').join('\n');
}

const ROUTE_COLUMNS: readonly Column[] = [
  { title: 'ROUTE' },
  { title: 'STATE' },
  { title: 'INTERFACE' },
  { title: 'CONNECTIONS', align: 'right' },
  { title: 'ATTEMPTS', align: 'right' },
  { title: 'WINS', align: 'right' },
  { title: 'SHARE', align: 'right' },
  { title: 'LOSSES', align: 'right' },
  { title: 'ADDRESSES' },
];

/** More addresses than this make the line longer than terminals are. */
const ADDRESSES_SHOWN = 3;

function routeCells(route: RouteStatus, routes: readonly RouteStatus[]): readonly Cell[] {
  const allWins = routes.reduce((sum, { wins }) => sum + wins, 0);
  const share = allWins === 0 ? '-' : `${Math.round((100 * route.wins) / allWins)} %`;
  const more = route.addresses.length - ADDRESSES_SHOWN;
  const addresses =
    route.addresses.slice(0, ADDRESSES_SHOWN).join(' ') + (more > 0 ? ` and ${more} more` : '');
  const path = pathText(route);
  const reasons = path === null ? route.reasons : [...route.reasons, path];
  const why = reasons.length === 0 ? '' : `(${reasons.join(', ')})`;
  return [
    { text: printable(route.name), colour: 'bold' },
    stateCell(route.state),
    { text: printable(route.interface) },
    { text: formatCount(route.connections) },
    { text: formatCount(route.attempts) },
    { text: formatCount(route.wins) },
    { text: share },
    { text: formatCount(route.losses) },
    { text: printable([addresses, why].filter((part) => part !== '').join(' ')) },
  ];
}

function renderMemoryLine(memory: Status['memory'], paint: Paint): string {
  const { destinations, size, trusted, inKernel, evicted, rescues } = memory;
  const parts = [
    `${formatCount(destinations)} of ${formatCount(size)} destinations`,
    `${formatCount(trusted)} trusted`,
    `${formatCount(inKernel)} decided by the kernel`,
    `${formatCount(evicted)} evicted`,
    `${formatCount(rescues)} ${rescues === 1 ? 'rescue' : 'rescues'}`,
  ];
  return `${paint('dim', 'memory')}: ${parts.join(', ')}\n`;
}

function renderFastPath({ state, why }: Status['fastPath'], paint: Paint): string {
  const words = why === null ? state : `${state}: ${printable(why)}`;
  return `${paint('dim', 'fast path')}: ${words}\n`;
}

/** Counters that are zero only make the page longer; a whole group of them is one word. */
function renderCounts(title: string, counts: Readonly<Record<string, number>>, paint: Paint): string {
  const shown = Object.entries(counts).filter(([, count]) => count !== 0);
  const heading = paint('dim', title);
  if (shown.length === 0) return `${heading}: none\n`;
  const rows = shown
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => [{ text: '' }, { text: formatCount(count) }, { text: printable(reason) }]);
  return `${heading}\n${renderTable([{ title: '' }, { title: '', align: 'right' }, { title: '' }], rows, paint)}`;
}
