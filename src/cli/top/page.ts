/** The page of `pathrace top`: what the routes do now, and how the last connections came to theirs. */
import type { Decision } from '../../api/contract.js';
import { stateCell } from '../route-state.js';
import {
  formatCount,
  formatDuration,
  formatMillis,
  formatRate,
  formatShare,
  formatTally,
  type Paint,
  printable,
} from '../style.js';
import { type Cell, type Column, NARROW, renderTable, renderText } from '../table.js';
import { inOrder, ORDERS } from './order.js';
import type { Look, Rates, RouteRates } from './sample.js';

export interface PageState {
  readonly order: string;
  readonly reverse: boolean;
  /** Lines that there is room for. */
  readonly rows: number;
  /** Whether keys are heard. */
  readonly hasKeys: boolean;
}

/** Decisions at most, where there is room without end. */
export const MOST_DECISIONS = 20;

export function renderTop(
  look: Look,
  rates: Rates,
  { order, reverse, rows, hasKeys }: PageState,
  paint: Paint,
  width: number = NARROW,
): string {
  const { status } = look;
  const head =
    `${paint('bold', `Pathrace ${printable(status.version)}`)}, up ${formatDuration(status.uptimeSeconds)}\n` +
    renderText(pace(look, rates), width);
  const alarms = status.alarms
    .map((alarm) => paintLines(renderText(`! ${printable(alarm)}`, width), paint))
    .join('');
  const routes = renderTable(ROUTES, inOrder(rates.routes, order, reverse).map(routeRow), paint, width);
  const keys = hasKeys ? `${paint('dim', keysText(order, reverse))}\n` : '';
  const used = countLines(head + alarms + routes + keys) + 4;
  const room = Math.max(0, Math.min(MOST_DECISIONS, rows - used));
  const shown = look.decisions.slice(0, room);
  const last = shown.length === 0 ? '' : `\n${renderTable(DECISIONS, shown.map(decisionRow), paint, width)}`;
  return `${head}${alarms}\n${routes}${last}${keys === '' ? '' : `\n${keys}`}`;
}

function pace({ status }: Look, { racesPerSecond, singlePerSecond }: Rates): string {
  const perSecond = (rate: number | null): string => (rate === null ? '-' : formatRatePlain(rate));
  const connections = status.routes.reduce((sum, route) => sum + route.connections, 0);
  return [
    `${formatCount(connections)} connections`,
    `${perSecond(racesPerSecond)} races/s, ${formatCount(status.races.active)} under way`,
    `${perSecond(singlePerSecond)}/s by the daemon without a race`,
    `${formatCount(status.memory.trusted)} of ${formatCount(status.memory.destinations)} destinations trusted`,
  ].join('; ');
}

/** A few per second with a decimal, more without. */
function formatRatePlain(rate: number): string {
  return rate > 0 && rate < 9.95 ? rate.toFixed(1) : formatTally(Math.round(rate));
}

const ROUTES: readonly Column[] = [
  { title: 'ROUTE', shrink: 8 },
  { title: 'STATE' },
  { title: 'CONNECTIONS', align: 'right' },
  { title: 'COPIES/s', align: 'right' },
  { title: 'WINS/s', align: 'right' },
  { title: 'OF WINS', align: 'right' },
  { title: 'IN bit/s', align: 'right' },
  { title: 'OUT bit/s', align: 'right' },
];

function routeRow({ route, copiesPerSecond, winsPerSecond, share }: RouteRates): readonly Cell[] {
  return [
    { text: printable(route.name), colour: 'bold' },
    stateCell(route.state),
    { text: formatTally(route.connections) },
    { text: copiesPerSecond === null ? '-' : formatRatePlain(copiesPerSecond) },
    { text: winsPerSecond === null ? '-' : formatRatePlain(winsPerSecond) },
    { text: share === null ? '-' : formatShare(share) },
    { text: formatRate(route.traffic.in).replace(/ ?bit\/s$/, '') },
    { text: formatRate(route.traffic.out).replace(/ ?bit\/s$/, '') },
  ];
}

const DECISIONS: readonly Column[] = [
  { title: 'CLIENT', shrink: 9 },
  { title: 'DESTINATION', shrink: 12 },
  { title: 'SERVICE', shrink: 7 },
  { title: 'ROUTE', shrink: 8 },
  { title: 'ANSWER', align: 'right' },
  { title: 'WHY', shrink: 8 },
];

function decisionRow({ client, destination, service, route, routes, reasons }: Decision): readonly Cell[] {
  const rtt = routes.find((one) => one.route === route)?.rttMicros;
  return [
    { text: printable(client.replace(/:\d+$/, '')) },
    { text: printable(destination) },
    { text: printable(service ?? '-') },
    route === null ? { text: 'none', colour: 'red' } : { text: printable(route) },
    { text: rtt === undefined ? '-' : formatMillis(rtt) },
    { text: printable(reasons[0] ?? '-') },
  ];
}

function keysText(order: string, reverse: boolean): string {
  const orders = Object.entries(ORDERS).map(([key, { name }]) =>
    key === order ? `[${key} ${name}]` : `${key} ${name}`,
  );
  return `q quit   order: ${orders.join('  ')}  ${reverse ? '[r reverse]' : 'r reverse'}`;
}

function paintLines(text: string, paint: Paint): string {
  return text.replace(/[^\n]+/g, (line) => paint('red', line));
}

function countLines(text: string): number {
  return text.split('\n').length - 1;
}
