/** `pathrace why --what-if CLIENT DESTINATION`: what would happen to a new connection now. */

import { toRequest } from '../api/client/request.js';
import { callControl } from '../api/client.js';
import type { WhatIf, WhatIfOutcome, WhatIfRoute } from '../api/contract.js';
import { meaningOf } from '../api/words/decisions.js';
import { parseAddress } from '../model/address.js';
import { PathraceError } from '../model/errors.js';
import { type CommandIo, EXIT, writeResult } from './io.js';
import { formatDuration, formatLocal, formatMillis, type Paint, paintFor, printable } from './style.js';
import { type Cell, NARROW, renderText, renderWrapped, WIDE } from './table.js';

export interface WhatIfOptions {
  readonly json?: boolean;
  readonly wide?: boolean;
}

/** Names and elements of the kernel's maps are looked up. */
const TIMEOUT_MS = 15_000;

export async function runWhatIf(
  client: string,
  destination: string | undefined,
  control: string,
  options: WhatIfOptions,
  io: CommandIo,
): Promise<number> {
  if (parseAddress(client) === null) throw wrong('Not the address of a client.', client, '192.168.1.20');
  const query = { client, ...readTarget(destination ?? '') };
  const { path } = toRequest('GET /v1/what-if', { query });
  const answer = (await callControl(control, path, TIMEOUT_MS)) as WhatIf;
  if (options.json === true) writeResult(io, { ...answer });
  else
    io.stdout.write(renderWhatIf(answer, paintFor(io.stdout, io.env), options.wide === true ? WIDE : NARROW));
  return EXIT.ok;
}

/** `198.51.100.7:443/udp`, `[2001:db8::1]:53/udp`, `example.org:443`. Throws E_ARGUMENT. */
export function readTarget(text: string): { destination: string; port?: number; protocol: 'tcp' | 'udp' } {
  const [, place = '', protocol = 'tcp'] = /^(.*?)(?:\/(tcp|udp))?$/.exec(text) ?? [];
  const [, bracketed, bare, named, digits] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)|([\w.-]{1,253}))(?::(\d{1,5}))?$/.exec(
      place,
    ) ?? [];
  const destination = bracketed ?? bare ?? named;
  const port = digits === undefined ? undefined : Number(digits);
  const isPort = port === undefined || (port >= 1 && port <= 65_535);
  if (
    destination === undefined ||
    !isPort ||
    ((bracketed ?? bare) !== undefined && parseAddress(destination) === null)
  )
    throw wrong('Not a destination.', text, FORMS);
  return {
    destination,
    ...(port === undefined ? {} : { port }),
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
  };
}

const FORMS = '198.51.100.7:443, [2001:db8::1]:443, 198.51.100.7:53/udp or example.org:443';

/** One block for each address. */
export function renderWhatIf(answer: WhatIf, paint: Paint, width: number = NARROW): string {
  return answer.outcomes.map((outcome) => renderOutcome(answer, outcome, paint, width)).join('\n');
}

function renderOutcome(
  { client, destination, protocol, isName }: WhatIf,
  outcome: WhatIfOutcome,
  paint: Paint,
  width: number,
): string {
  const name = isName ? `${printable(destination)} ` : '';
  const kind = protocol === 'tcp' ? '' : ` (${protocol})`;
  const head = `${paint('bold', printable(client))} -> ${name}${printable(outcome.destination)}${kind}, if it began now\n`;
  const service =
    outcome.service === null ? 'no service takes it' : `service ${printable(outcome.service)} takes it`;
  const why = outcome.reasons.map((reason) => printable(meaningOf(reason))).join(', ');
  const lines = [
    `  ${printable(outcome.text)} (${service}; ${printable(outcome.criterion)}; ${why})`,
    ...outcome.passed.map((passed) => `  not ${printable(passed.service)}: ${printable(passed.why)}`),
    ...pinLines(outcome),
    ...memoryLines(outcome),
    ...(outcome.mayMeasure === true
      ? ['  Now and then such a connection is raced all the same, to measure again.']
      : []),
    ...outcome.notes.map((note) => `  ${printable(note)}`),
  ];
  const rows = outcome.routes.map((route) => cellsOf(route, outcome));
  return `${head}${lines.map((line) => renderText(line, width, 4)).join('')}${renderWrapped(COLUMNS, rows, paint, width)}`;
}

function pinLines({ pin }: WhatIfOutcome): string[] {
  if (pin === null) return [];
  const until = pin.until === null ? '' : ` until ${formatLocal(new Date(pin.until))}`;
  const who = pin.by === 'command' ? 'held by command' : `with its group (${printable(pin.group ?? '')})`;
  return [`  on ${printable(pin.route)}${until}, ${who}`];
}

function memoryLines({ memory }: WhatIfOutcome): string[] {
  if (memory === null) return ['  nothing is remembered of the destination'];
  const times = Object.entries(memory.routes).map(([route, { rttMicros, answer, ageSeconds }]) => {
    const time = rttMicros === null ? printable(answer) : formatMillis(rttMicros);
    return `${printable(route)} ${time} ${formatDuration(ageSeconds)} ago`;
  });
  return [`  remembered: ${times.join(', ')}${memory.trusted ? '' : ' (not enough to decide alone)'}`];
}

const COLUMNS = [
  { title: '' },
  { title: '', shrink: 8 },
  { title: '' },
  { title: '' },
  { title: '' },
] as const;

function cellsOf(
  { route, state, part, why, afterMicros, share }: WhatIfRoute,
  { route: chosen }: WhatIfOutcome,
): readonly Cell[] {
  const isChosen = route === chosen || part === 'races';
  const when = afterMicros === undefined ? '' : ` +${formatMillis(afterMicros)}`;
  const of = share === undefined ? '' : ` ${Math.round(share * 100)} %`;
  return [
    isChosen ? { text: ' >', colour: 'green' } : { text: '  ' },
    isChosen ? { text: printable(route), colour: 'green' } : { text: printable(route) },
    { text: state, ...(state === 'up' ? {} : { colour: state === 'suspect' ? 'yellow' : 'red' }) },
    { text: `${part}${when}${of}` },
    { text: printable(why), colour: 'dim' },
  ];
}

function wrong(message: string, text: string, expected: string): PathraceError {
  return new PathraceError('E_ARGUMENT', message, { found: JSON.stringify(text.slice(0, 80)), expected });
}
