/** `pathrace why`: how the recent connections to a destination were decided. */
import { callControl } from '../api/client.js';
import type { AttemptReport, Decision } from '../api/contract.js';
import { whyPath } from '../api/paths.js';
import { explainAnswer, explainDecision } from './decision-words.js';
import { parseDestination } from './destination.js';
import { type CommandIo, EXIT, writeResult } from './io.js';
import { formatLocal, formatMicros, type Paint, paintFor, printable } from './style.js';
import { type Cell, NARROW, renderTable, renderText, WIDE } from './table.js';

export async function runWhy(
  text: string,
  control: string,
  { json, wide }: WhyOptions,
  io: CommandIo,
): Promise<number> {
  const { address, port } = parseDestination(text);
  const decisions = (await callControl(control, whyPath(address, port))) as readonly Decision[];
  const width = wide === true ? WIDE : NARROW;
  if (json === true) writeResult(io, { decisions });
  else io.stdout.write(renderWhy(text, decisions, paintFor(io.stdout, io.env), width));
  return EXIT.ok;
}

export interface WhyOptions {
  readonly json?: boolean;
  readonly wide?: boolean;
}

/** One block per decision, the newest first. */
export function renderWhy(
  text: string,
  decisions: readonly Decision[],
  paint: Paint,
  width: number = NARROW,
): string {
  if (decisions.length === 0) {
    const nothing = `No decision about ${text} is remembered. Either nothing connected to it, or it was long ago.`;
    return renderText(nothing, width, 0);
  }
  return decisions.map((decision) => renderDecision(decision, paint, width)).join('\n');
}

function renderDecision(decision: Decision, paint: Paint, width: number): string {
  const { time, client, destination, route, criterion, reasons, routes, fastPath } = decision;
  const when = formatTime(time);
  const [from, to] = [printable(client), printable(destination)];
  const head = `${paint('bold', when)}  ${from}`;
  const fits = `${when}  ${from} -> ${to}`.length <= width;
  const who = fits ? `${head} -> ${to}\n` : `${head}\n  -> ${to}\n`;
  const fast = fastPath === true ? '  established: its packets take the kernel’s fast path\n' : '';
  const rows = routes.map((attempt) => attemptCells(attempt, route));
  const how = printable([criterion, ...reasons].join(', '));
  return `${who}${renderResult(decision, how, paint, width)}${fast}${renderTable(COLUMNS, rows, paint, width)}`;
}

/** `went by fiber: the first to answer (race, first-reply)`, in as many lines as it takes. */
function renderResult(decision: Decision, how: string, paint: Paint, width: number): string {
  const { route } = decision;
  const words = printable(explainDecision(decision));
  const plain = `${route === null ? 'went nowhere' : `went by ${printable(route)}`}${words === '' ? '' : `: ${words}`} (${how})`;
  const [found, shown] =
    route === null
      ? ['went nowhere', paint('red', 'went nowhere')]
      : [`went by ${printable(route)}`, `went by ${paint('green', printable(route))}`];
  const text = renderText(`  ${plain}`, width, 4);
  return text.replace(found, () => shown).replace(`(${how})`, () => paint('dim', `(${how})`));
}

function formatTime(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? printable(time) : formatLocal(date);
}

const COLUMNS = [
  { title: '' },
  { title: '', shrink: 8 },
  { title: '', align: 'right' },
  { title: '', shrink: 16 },
  { title: '' },
] as const;

function attemptCells(attempt: AttemptReport, winner: string | null): readonly Cell[] {
  const won = attempt.route === winner;
  const time = attempt.rttMicros === undefined ? '-' : formatMicros(attempt.rttMicros);
  const name = printable(attempt.route);
  return [
    { text: ' ' },
    won ? { text: name, colour: 'green' } : { text: name },
    { text: time },
    { text: printable(explainAnswer(attempt.answer)), ...(won ? {} : { colour: 'dim' }) },
    won ? { text: '<- carries it', colour: 'green' } : { text: '' },
  ];
}
