/** `pathrace status`: routes, races and packets of the running gateway. */
import { callControl } from '../api/client.js';
import type { ConfigurationStatus, RouteStatus, Status } from '../api/contract.js';
import { STATUS_PATH } from '../api/paths.js';
import type { CommandIo } from './io.js';
import { pathText, stateCell } from './route-state.js';
import { type PageOptions, showPage } from './show.js';
import { formatCount, formatDuration, formatTally, type Paint, printable } from './style.js';
import { type Column, NARROW, type Row, renderTable, renderText, renderTitled, WIDE } from './table.js';

export function runStatus(control: string, options: PageOptions, io: CommandIo): Promise<number> {
  return showPage(options, io, {
    ask: async () => (await callControl(control, STATUS_PATH)) as Status,
    json: (status) => ({ ...status }),
    render: renderStatus,
  });
}

/** The status as a page for a person, `width` characters wide at most. */
export function renderStatus(status: Status, paint: Paint, width: number = NARROW): string {
  const { races, packets } = status;
  const title = paint('bold', `Pathrace ${printable(status.version)}`);
  const counts = (name: string, of: Readonly<Record<string, number>>): string =>
    renderCounts(name, of, paint);
  const lines = [
    status.alarms.map((alarm) => renderNotice(`! ${alarm}`, 'red', paint, width)).join('') +
      (status.notes ?? []).map((note) => renderNotice(`note: ${note}`, 'yellow', paint, width)).join(''),
    `${title}, up ${formatDuration(status.uptimeSeconds)}\n${renderConfiguration(status.configuration, paint, width)}`,
    renderRouteTable(status.routes, paint, width),
    renderMemoryLine(status.memory, paint, width),
    renderFastPath(status.fastPath, paint, width),
    renderCutting(status.cutting, paint, width),
    counts('races', {
      started: races.started,
      decided: races.decided,
      failed: races.failed,
      active: races.active,
    }),
    counts('without a race, by reason', races.single),
    renderCalls(status.calls, paint),
    counts('packets dropped, by reason', packets.dropped),
    counts('packets ignored, by reason', packets.ignored),
    counts('packets queued to the daemon', packets.queue),
  ];
  return lines.filter((part) => part !== '').join('\n');
}

/** Of kinds that there have been any of. A gateway of an older version counts none. */
function renderCalls(calls: Status['calls'], paint: Paint): string {
  const kinds = Object.entries(calls ?? {}).filter(([, { started }]) => started > 0);
  if (kinds.length === 0) return '';
  const counts = kinds.flatMap(([kind, { started, active }]) => [
    [kind, started],
    [`${kind}, not over`, active],
  ]);
  return renderCounts('calls', Object.fromEntries(counts), paint);
}

/** Something that is told before all else, in its colour. */
function renderNotice(text: string, colour: 'red' | 'yellow', paint: Paint, width: number): string {
  return renderText(printable(text), width)
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => `${paint(colour, line)}\n`)
    .join('');
}

const FILE_STATES: Readonly<Record<string, string | undefined>> = {
  same: 'in use as it is',
  changed:
    'has changed since it was read: `pathrace check --diff` shows what, `pathrace reload` takes it over',
  waiting: 'was read, and some of it waits for a restart: `pathrace check --diff` shows what',
  applying: 'is being applied: what is shown here is what is in force until that is done',
  failed: 'was read and could not be applied: it is tried again, what was in use before is in force',
  gone: 'cannot be read now; what it said is still in use',
};

/** The file, and whether it is what runs. A gateway of an older version does not say. */
function renderConfiguration(file: ConfigurationStatus | undefined, paint: Paint, width: number): string {
  if (file === undefined) return '';
  const words = FILE_STATES[file.state] ?? printable(file.state);
  const text = `${printable(file.file)} ${words}`;
  const shown = renderText(`configuration: ${text}`, width);
  const colour = file.state === 'same' ? 'dim' : 'yellow';
  return shown.replace('configuration', () => paint(colour, 'configuration'));
}

const COUNTS: readonly Column[] = [
  { title: 'CONNECTIONS', align: 'right' },
  { title: 'ATTEMPTS', align: 'right' },
  { title: 'WINS', align: 'right' },
  { title: 'OF ALL WINS', align: 'right' },
  { title: 'LOSSES', align: 'right' },
];
const FEW: readonly Column[] = [{ title: 'ROUTE', shrink: 8 }, { title: 'STATE' }, ...COUNTS];
const ALL: readonly Column[] = [
  { title: 'ROUTE' },
  { title: 'STATE' },
  { title: 'INTERFACE' },
  ...COUNTS,
  { title: 'ADDRESSES' },
];

function renderRouteTable(routes: readonly RouteStatus[], paint: Paint, width: number): string {
  const isWide = width === WIDE;
  const rows = routes.map((route) => routeRow(route, routes, isWide));
  return renderTable(isWide ? ALL : FEW, rows, paint, width);
}

function routeRow(route: RouteStatus, routes: readonly RouteStatus[], isWide: boolean): Row {
  const allWins = routes.reduce((sum, { wins }) => sum + wins, 0);
  const share = allWins === 0 ? '-' : `${Math.round((100 * route.wins) / allWins)} %`;
  const tally = isWide ? formatCount : formatTally;
  const counts = [
    { text: tally(route.connections) },
    { text: tally(route.attempts) },
    { text: tally(route.wins) },
    { text: share },
    { text: tally(route.losses) },
  ];
  const name = { text: printable(route.name), colour: 'bold' } as const;
  const reasons = printable([...route.reasons, pathText(route) ?? []].flat().join(', '));
  if (!isWide) {
    const notes = reasons === '' ? [] : [{ text: reasons }];
    return { cells: [name, stateCell(route.state), ...counts], notes };
  }
  const why = reasons === '' ? '' : `(${reasons})`;
  const addresses = printable([addressesOf(route), why].filter((part) => part !== '').join(' '));
  return [name, stateCell(route.state), { text: printable(route.interface) }, ...counts, { text: addresses }];
}

/** More addresses than this make the line longer than terminals are. */
const ADDRESSES_SHOWN = 3;

function addressesOf({ addresses }: RouteStatus): string {
  const more = addresses.length - ADDRESSES_SHOWN;
  return addresses.slice(0, ADDRESSES_SHOWN).join(' ') + (more > 0 ? ` and ${more} more` : '');
}

function renderMemoryLine(memory: Status['memory'], paint: Paint, width: number): string {
  const { destinations, size, trusted, inKernel, evicted, rescues } = memory;
  const parts = [
    `${formatCount(destinations)} of ${formatCount(size)} destinations`,
    `${formatCount(trusted)} trusted`,
    `${formatCount(inKernel)} decided by the kernel`,
    `${formatCount(evicted)} evicted`,
    `${formatCount(rescues)} ${rescues === 1 ? 'rescue' : 'rescues'}`,
  ];
  return renderTitled('memory', parts.join(', '), paint, width);
}

function renderFastPath({ state, why }: Status['fastPath'], paint: Paint, width: number): string {
  return renderTitled('fast path', why === null ? state : `${state}: ${printable(why)}`, paint, width);
}

/** Nothing to say where nothing is being cut. */
function renderCutting({ cut, left }: Status['cutting'], paint: Paint, width: number): string {
  if (left === 0) return '';
  const words = `${formatCount(left)} connections left, ${formatCount(cut)} cut since the start`;
  return renderTitled('cutting', words, paint, width);
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
