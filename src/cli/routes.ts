/** `pathrace routes`: the state of every uplink, why and since when, and how busy it is. */
import { callControl } from '../api/client.js';
import type { RouteStatus } from '../api/contract.js';
import { ROUTES_PATH } from '../api/paths.js';
import type { CommandIo } from './io.js';
import { pathText, stateCell } from './route-state.js';
import { type PageOptions, showPage } from './show.js';
import {
  formatAge,
  formatBytes,
  formatCount,
  formatDuration,
  formatMillis,
  formatRate,
  formatShare,
  formatTally,
  type Paint,
  printable,
} from './style.js';
import { type Cell, type Column, NARROW, type Row, renderTable, WIDE } from './table.js';

export function runRoutes(control: string, options: PageOptions, io: CommandIo): Promise<number> {
  return showPage(options, io, {
    ask: async () => (await callControl(control, ROUTES_PATH)) as readonly RouteStatus[],
    json: (routes) => ({ routes }),
    render: (routes, paint, width) => renderRoutes(routes, Date.now(), paint, width),
  });
}

/** A line per route, and below it what needs somebody; `now` in milliseconds since 1970. */
export function renderRoutes(
  routes: readonly RouteStatus[],
  now: number,
  paint: Paint,
  width: number = NARROW,
): string {
  const isWide = width === WIDE;
  const rows = routes.map((route) => (isWide ? wideRow(route, now) : narrowRow(route, now)));
  return renderTable(isWide ? ALL : FEW, rows, paint, width);
}

const FEW: readonly Column[] = [
  { title: 'ROUTE', shrink: 8 },
  { title: 'STATE' },
  { title: 'SINCE', align: 'right' },
  { title: 'CONNECTIONS', align: 'right' },
  { title: 'IN bit/s', align: 'right' },
  { title: 'OUT bit/s', align: 'right' },
  { title: 'CHECK' },
];

const ALL: readonly Column[] = [
  { title: 'ROUTE' },
  { title: 'STATE' },
  { title: 'SINCE', align: 'right' },
  { title: 'REASONS' },
  { title: 'CONNECTIONS', align: 'right' },
  { title: 'IN', align: 'right' },
  { title: 'OUT', align: 'right' },
  { title: 'THIS PERIOD', align: 'right' },
  { title: 'CHECK' },
  { title: 'RESCUES', align: 'right' },
  { title: 'PORTS', align: 'right' },
];

function narrowRow(route: RouteStatus, now: number): Row {
  const { check, traffic } = route;
  const cells: readonly Cell[] = [
    { text: printable(route.name), colour: 'bold' },
    stateCell(route.state),
    { text: formatSince(route.since, now, formatAge) },
    { text: formatTally(route.connections) },
    { text: formatRate(traffic.in).replace(/ ?bit\/s$/, '') },
    { text: formatRate(traffic.out).replace(/ ?bit\/s$/, '') },
    check === undefined || check.ok ? checkCell(check, now) : { text: 'failed', colour: 'red' },
  ];
  return { cells, notes: notesOf(route, now) };
}

/** What is not as it is every day. */
function notesOf(route: RouteStatus, now: number): readonly Cell[] {
  const { check, portUse, quota, rescues } = route;
  const notes: Cell[] = [];
  const reasons = reasonsOf(route);
  if (reasons !== '') notes.push({ text: reasons });
  if (check !== undefined && !check.ok) notes.push({ text: `check ${lastOk(check, now)}`, colour: 'red' });
  if (quota.bytes !== null) notes.push(after(quotaCell(quota), ' this period'));
  if (portUse >= BUSY) notes.push(after(portsCell(portUse), ' of the ports to one server are in use'));
  if (rescues > 0) notes.push({ text: `${formatCount(rescues)} rescued from it by other routes` });
  return notes;
}

function after(cell: Cell, words: string): Cell {
  return { ...cell, text: cell.text + words };
}

function wideRow(route: RouteStatus, now: number): readonly Cell[] {
  return [
    { text: printable(route.name), colour: 'bold' },
    stateCell(route.state),
    { text: formatSince(route.since, now, formatDuration) },
    { text: reasonsOf(route) },
    { text: formatCount(route.connections) },
    { text: formatRate(route.traffic.in) },
    { text: formatRate(route.traffic.out) },
    quotaCell(route.quota),
    checkCell(route.check, now),
    { text: formatCount(route.rescues) },
    portsCell(route.portUse),
  ];
}

function reasonsOf(route: RouteStatus): string {
  return printable([...route.reasons, pathText(route) ?? []].flat().join(', '));
}

function quotaCell({ used, bytes }: RouteStatus['quota']): Cell {
  if (bytes === null) return { text: formatBytes(used) };
  const share = bytes > 0 ? used / bytes : 1;
  return shareCell(`${formatBytes(used)} of ${formatBytes(bytes)} (${formatShare(share)})`, share);
}

type Check = NonNullable<RouteStatus['check']>;

function checkCell(check: Check | undefined, now: number): Cell {
  if (check === undefined) return { text: '-' };
  const { ok, rttMicros } = check;
  if (ok) return { text: rttMicros === null ? 'ok' : `ok ${formatMillis(rttMicros)}`, colour: 'green' };
  return { text: `failed, ${lastOk(check, now)}`, colour: 'red' };
}

function lastOk({ lastOk: time }: Check, now: number): string {
  return time === null ? 'never ok' : `last ok ${formatSince(time, now, formatDuration)} ago`;
}

function portsCell(portUse: number): Cell {
  return shareCell(formatShare(portUse), portUse);
}

/** From here on an operator should do something, and it is nearly too late. */
const BUSY = 0.8;
const EXHAUSTED = 0.95;

function shareCell(text: string, share: number): Cell {
  if (share < BUSY) return { text };
  return { text, colour: share < EXHAUSTED ? 'yellow' : 'red' };
}

/** How long ago a time of the contract is; the clocks are the same machine's, but may have been set. */
function formatSince(time: string, now: number, format: (seconds: number) => string): string {
  const then = Date.parse(time);
  return Number.isNaN(then) ? '-' : format(Math.max(0, now - then) / 1000);
}
