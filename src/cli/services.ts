/** `pathrace services`: which new connections are chosen how, how many there were, and what the kernel does with the next. */
import { callControl } from '../api/client.js';
import type { ServicePlan, ServiceStatus } from '../api/contract.js';
import { SERVICES_PATH } from '../api/paths.js';
import type { CommandIo } from './io.js';
import { type PageOptions, showPage } from './show.js';
import { formatCount, formatShare, formatTally, type Paint, printable } from './style.js';
import { type Cell, type Column, NARROW, type Row, renderTable, WIDE } from './table.js';

export function runServices(control: string, options: PageOptions, io: CommandIo): Promise<number> {
  return showPage(options, io, {
    ask: async () => (await callControl(control, SERVICES_PATH)) as readonly ServiceStatus[],
    json: (services) => ({ services }),
    render: renderServices,
  });
}

/** A line per service, in the order in which they match. */
export function renderServices(
  services: readonly ServiceStatus[],
  paint: Paint,
  width: number = NARROW,
): string {
  if (services.length === 0) return 'There are no services: everything goes by the rest route.\n';
  const isWide = width === WIDE;
  return renderTable(
    isWide ? ALL : FEW,
    services.map((service) => row(service, isWide)),
    paint,
    width,
  );
}

const FEW: readonly Column[] = [
  { title: 'SERVICE', shrink: 8 },
  { title: 'ACTIVE' },
  { title: 'HITS', align: 'right' },
  { title: 'CHOSEN BY', shrink: 12 },
];
const ALL: readonly Column[] = [
  ...FEW.map(({ shrink: _, ...column }) => column),
  { title: 'NEXT CONNECTION' },
  { title: 'AFFINITY' },
  { title: 'MATCHES' },
];

function row(service: ServiceStatus, isWide: boolean): Row {
  const { name, active, hits, select, affinity, match } = service;
  const state: Cell = active ? { text: 'yes', colour: 'green' } : { text: 'not now', colour: 'dim' };
  const cells: readonly Cell[] = [
    { text: printable(name), colour: 'bold' },
    state,
    { text: isWide ? formatCount(hits) : formatTally(hits) },
    { text: printable(select) },
  ];
  const next = printable(planText(service.plan));
  if (isWide) return [...cells, { text: next }, { text: printable(affinity) }, { text: printable(match) }];
  return { cells, notes: [{ text: `matches ${printable(match)}` }, { text: `next: ${next}` }] };
}

/** One text where both families are alike; one that no route carries is not worth a word beside another. */
function planText({ ipv4, ipv6 }: ServiceStatus['plan']): string {
  const [four, six] = [familyText(ipv4), familyText(ipv6)];
  if (four === six || ipv6.kind === 'none') return four;
  return ipv4.kind === 'none' ? six : `IPv4 ${four}; IPv6 ${six}`;
}

function familyText({ kind, routes }: ServicePlan): string {
  const words = PLANS[kind] ?? kind;
  const shares = Object.entries(routes);
  if (shares.length === 0) return words;
  if (shares.length === 1) return shares[0]?.[0] ?? words;
  return `${words} ${shares.map(([name, share]) => `${name} ${formatShare(share)}`).join(', ')}`;
}

const PLANS: Readonly<Record<string, string | undefined>> = {
  race: 'copies by all routes, the first answer wins',
  memory: 'what is remembered of its destination, else copies by all routes',
  turns: 'in turn:',
  hash: 'by hash:',
  one: 'one route',
  daemon: 'the daemon chooses',
  rest: 'as what no service takes',
  none: 'no route carries it',
};
