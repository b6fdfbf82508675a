/** `pathrace why`: how the recent connections to a destination were decided. */
import { callControl } from '../api/client.js';
import type { AttemptReport, Decision } from '../api/contract.js';
import { whyPath } from '../api/paths.js';
import { explainAnswer, explainDecision } from './decision-words.js';
import { parseDestination } from './destination.js';
import { type CommandIo, EXIT, writeJson } from './io.js';
import { formatMicros, type Paint, paintFor, printable } from './style.js';
import { type Cell, renderTable } from './table.js';

export async function runWhy(text: string, control: string, json: boolean, io: CommandIo): Promise<number> {
  const { address, port } = parseDestination(text);
  const decisions = (await callControl(control, whyPath(address, port))) as readonly Decision[];
  if (json) writeJson(io.stdout, decisions);
  else io.stdout.write(renderWhy(text, decisions, paintFor(io.stdout, io.env)));
  return EXIT.ok;
}

/** One block per decision, the newest first. */
export function renderWhy(text: string, decisions: readonly Decision[], paint: Paint): string {
  if (decisions.length === 0) {
    return `No decision about ${text} is remembered. Either nothing connected to it, or it was long ago.\n`;
  }
  return decisions.map((decision) => renderDecision(decision, paint)).join('\n');
}

function renderDecision(decision: Decision, paint: Paint): string {
  const { time, client, destination, route, criterion, reasons, routes, fastPath } = decision;
  const when = printable(time.replace('T', ' ').replace('Z', ' UTC'));
  const who = `${printable(client)} -> ${printable(destination)}`;
  const result =
    route === null ? paint('red', 'went nowhere') : `went by ${paint('green', printable(route))}`;
  const fast = fastPath === true ? '\n  established: its packets take the kernel’s fast path' : '';
  const words = printable(explainDecision(decision));
  const how = printable([criterion, ...reasons].join(', '));
  const rows = routes.map((attempt) => attemptCells(attempt, route));
  return `${paint('bold', when)}  ${who}\n  ${result}${words === '' ? '' : `: ${words}`} ${paint('dim', `(${how})`)}${fast}\n${renderTable(COLUMNS, rows, paint)}`;
}

const COLUMNS = [
  { title: '' },
  { title: '' },
  { title: '', align: 'right' },
  { title: '' },
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
