/** `pathrace routes`: the state of every uplink, why and since when, and how busy it is. */
import { callControl } from '../api/client.js';
import type { RouteStatus } from '../api/contract.js';
import { ROUTES_PATH } from '../api/paths.js';
import { type CommandIo, EXIT, writeJson } from './io.js';
import { pathText, stateCell } from './route-state.js';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMillis,
  formatRate,
  formatShare,
  type Paint,
  paintFor,
  printable,
} from './style.js';
import { type Cell, type Column, renderTable } from './table.js';

export async function runRoutes(control: string, json: boolean, io: CommandIo): Promise<number> {
  const routes = (await callControl(control, ROUTES_PATH)) as readonly RouteStatus[];
  if (json) writeJson(io.stdout, routes);
  else io.stdout.write(renderRoutes(routes, Date.now(), paintFor(io.stdout, io.env)));
  return EXIT.ok;
}

/** A line per route; `now` in milliseconds since 1970. */
export function renderRoutes(routes: readonly RouteStatus[], now: number, paint: Paint): string {
  return renderTable(
    COLUMNS,
    routes.map((route) => cells(route, now)),
    paint,
  );
}

const COLUMNS: readonly Column[] = [
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

function cells(route: RouteStatus, now: number): readonly Cell[] {
  return [
    { text: printable(route.name), colour: 'bold' },
    stateCell(route.state),
    { text: formatSince(route.since, now) },
    { text: printable([...route.reasons, pathText(route) ?? []].flat().join(', ')) },
    { text: formatCount(route.connections) },
    { text: formatRate(route.traffic.in) },
    { text: formatRate(route.traffic.out) },
    quotaCell(route.quota),
    checkCell(route.check, now),
    { text: formatCount(route.rescues) },
    shareCell(formatShare(route.portUse), route.portUse),
  ];
}

function quotaCell({ used, bytes }: RouteStatus['quota']): Cell {
  if (bytes === null) return { text: formatBytes(used) };
  const share = bytes > 0 ? used / bytes : 1;
  return shareCell(`${formatBytes(used)} of ${formatBytes(bytes)} (${formatShare(share)})`, share);
}

function checkCell(check: RouteStatus['check'], now: number): Cell {
  if (check === undefined) return { text: '-' };
  const { ok, rttMicros, lastOk } = check;
  if (ok) return { text: rttMicros === null ? 'ok' : `ok ${formatMillis(rttMicros)}`, colour: 'green' };
  const last = lastOk === null ? 'never ok' : `last ok ${formatSince(lastOk, now)} ago`;
  return { text: `failed, ${last}`, colour: 'red' };
}

/** From here on an operator should do something, and it is nearly too late. */
const BUSY = 0.8;
const EXHAUSTED = 0.95;

function shareCell(text: string, share: number): Cell {
  if (share < BUSY) return { text };
  return { text, colour: share < EXHAUSTED ? 'yellow' : 'red' };
}

/** How long ago a time of the contract is; the clocks are the same machine's, but may have been set. */
function formatSince(time: string, now: number): string {
  const then = Date.parse(time);
  return Number.isNaN(then) ? '-' : formatDuration(Math.max(0, now - then) / 1000);
}
