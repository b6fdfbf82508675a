/** Decisions as a page: who, by which route and why, and what every route did, in the order in which it happened. */
import type { AttemptReport, Decision, DecisionPin } from '../api/contract.js';
import { attemptWords, inOrder, sentText } from '../api/words/attempts.js';
import { explainDecision, holderOf } from '../api/words/decisions.js';
import { formatDuration, formatLocal, formatMillis, type Paint, printable } from './style.js';
import { type Cell, NARROW, renderText, renderWrapped } from './table.js';

export interface WhyPage {
  readonly width?: number;
  /** What was typed for an address. */
  readonly names?: ReadonlyMap<string, string | null>;
}

/** One block per decision, the newest first. `subject`: what was asked about; null: nothing, so open connections were not looked at. */
export function renderWhy(
  subject: string | null,
  decisions: readonly Decision[],
  paint: Paint,
  { width = NARROW, names = new Map() }: WhyPage = {},
): string {
  if (decisions.length === 0) {
    if (subject === null) return renderText(NOTHING, width, 0);
    const nothing = `Nothing is known of ${printable(subject)}: no such connection is open, and no decision about one is remembered.`;
    return renderText(nothing, width, 0);
  }
  return decisions.map((decision) => renderDecision(decision, paint, width, names)).join('\n');
}

const NOTHING =
  'No decision is remembered yet. Name an address, --client, --route or --service to see connections that are open.';

function renderDecision(
  decision: Decision,
  paint: Paint,
  width: number,
  names: ReadonlyMap<string, string | null>,
): string {
  const { client, destination, protocol, routes, fastPath } = decision;
  const when = decision.by === 'kernel' ? 'open now' : formatTime(decision.time);
  const kind = protocol === undefined || protocol === 'tcp' ? '' : ` (${printable(protocol)})`;
  const [from, to] = [printable(client), printable(named(destination, names)) + kind];
  const head = `${paint('bold', when)}  ${from}`;
  const fits = `${when}  ${from} -> ${to}`.length <= width;
  const who = fits ? `${head} -> ${to}\n` : `${head}\n${renderText(`  -> ${to}`, width, 4)}`;
  const fast = fastPath === true ? '  established: its packets take the kernel’s fast path\n' : '';
  const rows = inOrder(routes).map((attempt) => attemptCells(attempt, decision));
  const more = moreOf(decision)
    .map((line) => renderText(`  ${line}`, width, 4))
    .join('');
  return `${who}${renderResult(decision, paint, width)}${more}${fast}${renderWrapped(COLUMNS, rows, paint, width)}`;
}

/** What won by how much, what memory said, how the routes stood, what holds the next ones, and who did not take it. */
function moreOf({ lead, memory, states = {}, pin, passed = [] }: Decision): string[] {
  const others = Object.entries(states).filter(([, state]) => state !== 'up');
  return [
    ...(lead === undefined ? [] : [`${formatMillis(lead.micros)} before ${printable(lead.over)}`]),
    ...(memory === undefined ? [] : [`measured ${formatDuration(memory.ageSeconds)} before`]),
    ...(others.length === 0
      ? []
      : [`then: ${others.map(([route, state]) => `${printable(route)} ${printable(state)}`).join(', ')}`]),
    ...(pin === undefined
      ? []
      : [`the next: held on ${printable(pin.route)} by ${printable(holderOf(pin, untilText(pin)))}`]),
    ...passed.map(({ service, why }) => `not ${printable(service)}: ${printable(why)}`),
  ];
}

/** With the name that was typed for its address. */
function named(destination: string, names: ReadonlyMap<string, string | null>): string {
  const address = /^\[(.*)\]:\d+$/.exec(destination)?.[1] ?? destination.replace(/^([\d.]+):\d+$/, '$1');
  const name = names.get(address);
  return name == null ? destination : `${name} ${destination}`;
}

/** `went by fiber: the first to answer (service web; race, first-reply)`, in as many lines as it takes. */
function renderResult(decision: Decision, paint: Paint, width: number): string {
  const { criterion, open, reasons, route, service } = decision;
  const of = service == null ? '' : `service ${service}; `;
  const how = printable(`(${of}${[criterion, ...reasons].join(', ')})`);
  const words = printable(explainDecision(decision));
  const verb = open === true ? 'goes by' : 'went by';
  const by = route === null ? 'went nowhere' : `${verb} ${printable(route)}`;
  const text = renderText(`  ${by}${words === '' ? '' : `: ${words}`} ${how}`, width, 4);
  const shown = route === null ? paint('red', by) : `${verb} ${paint('green', printable(route))}`;
  return text.replace(by, () => shown).replace(how, () => paint('dim', how));
}

function untilText({ until }: DecisionPin): string | null {
  return until === null ? null : formatTime(until);
}

function formatTime(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? printable(time) : formatLocal(date);
}

/** A mark for what carries it, the route, when its copy left, how long the answer took, and all that explains it. */
const COLUMNS = [
  { title: '' },
  { title: '', shrink: 8 },
  { title: '', align: 'right' },
  { title: '', align: 'right' },
  { title: '' },
] as const;

function attemptCells(attempt: AttemptReport, decision: Decision): readonly Cell[] {
  const won = attempt.route === decision.route;
  const name = printable(attempt.route);
  const { rttMicros } = attempt;
  return [
    won ? { text: ' >', colour: 'green' } : { text: '  ' },
    won ? { text: name, colour: 'green' } : { text: name },
    { text: sentText(attempt) },
    { text: rttMicros === undefined ? '-' : formatMillis(rttMicros) },
    { text: printable(attemptWords(attempt, won, decision)), ...(won ? {} : { colour: 'dim' }) },
  ];
}
