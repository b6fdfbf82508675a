/** `pathrace why --what-if CLIENT DESTINATION`: what would happen to a new connection now. */

import { toRequest } from '../api/client/request.js';
import { callControl } from '../api/client.js';
import type { WhatIf, WhatIfOutcome, WhatIfRoute } from '../api/contract.js';
import { holderOf, meaningOf } from '../api/words/decisions.js';
import { WHAT_IF_PROTOCOLS } from '../api/words/protocols.js';
import { formatDscp, parseDscp } from '../config/values/header-fields.js';
import { parseAddress } from '../model/address.js';
import { PathraceError } from '../model/errors.js';
import { type CommandIo, EXIT, writeResult } from './io.js';
import { formatDuration, formatLocal, formatMillis, type Paint, paintFor, printable } from './style.js';
import { type Cell, NARROW, renderText, renderWrapped, WIDE } from './table.js';

export interface WhatIfOptions {
  readonly json?: boolean;
  readonly wide?: boolean;
  /** As typed. */
  readonly dscp?: string;
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
  const dscp = options.dscp === undefined ? {} : { dscp: readDscp(options.dscp) };
  const query = { client, ...readTarget(destination ?? ''), ...dscp };
  const { path } = toRequest('GET /v1/what-if', { query });
  const answer = (await callControl(control, path, TIMEOUT_MS)) as WhatIf;
  if (options.json === true) writeResult(io, { ...answer });
  else
    io.stdout.write(renderWhatIf(answer, paintFor(io.stdout, io.env), options.wide === true ? WIDE : NARROW));
  return EXIT.ok;
}

/** `46` or `ef`. Throws E_ARGUMENT. */
function readDscp(text: string): number {
  const parsed = parseDscp(/^\d{1,2}$/.test(text) ? Number(text) : text);
  if ('value' in parsed && parsed.value.length === 1) return parsed.value[0];
  throw wrong('Not a code point.', text, '0 to 63, cs0 to cs7, af11 to af43, ef, va');
}

/** `198.51.100.7:443/udp`, `[2001:db8::1]:53/udp`, `198.51.100.7/gre`, `example.org:443`. Throws E_ARGUMENT. */
export function readTarget(text: string): {
  destination: string;
  port?: number;
  protocol: WhatIf['protocol'];
} {
  const [, place = '', typed] = /^(.*?)(?:\/(\w+))?$/.exec(text) ?? [];
  const protocol = typed === undefined ? 'tcp' : WHAT_IF_PROTOCOLS.find((one) => one === typed);
  const [, bracketed, bare, named, digits] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)|([\w.-]{1,253}))(?::(\d{1,5}))?$/.exec(
      place,
    ) ?? [];
  const destination = bracketed ?? bare ?? named;
  const port = digits === undefined ? undefined : Number(digits);
  const isPort = port === undefined || (port >= 1 && port <= 65_535);
  if (
    destination === undefined ||
    protocol === undefined ||
    !isPort ||
    ((bracketed ?? bare) !== undefined && parseAddress(destination) === null)
  )
    throw wrong('Not a destination.', text, FORMS);
  return {
    destination,
    ...(port === undefined ? {} : { port }),
    protocol,
  };
}

const FORMS =
  '198.51.100.7:443, [2001:db8::1]:443, 198.51.100.7:53/udp, 198.51.100.7/gre, /esp, /ah or example.org:443';

/** One block for each address. */
export function renderWhatIf(answer: WhatIf, paint: Paint, width: number = NARROW): string {
  return answer.outcomes.map((outcome) => renderOutcome(answer, outcome, paint, width)).join('\n');
}

function renderOutcome(
  { client, destination, protocol, dscp, isName }: WhatIf,
  outcome: WhatIfOutcome,
  paint: Paint,
  width: number,
): string {
  const name = isName ? `${printable(destination)} ` : '';
  const kinds = [
    ...(protocol === 'tcp' ? [] : [protocol]),
    ...(dscp === 0 ? [] : [`DSCP ${formatDscp(dscp)}`]),
  ];
  const kind = kinds.length === 0 ? '' : ` (${kinds.join(', ')})`;
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
  const until = pin.until === null ? null : formatLocal(new Date(pin.until));
  return [`  held on ${printable(pin.route)} by ${printable(holderOf(pin, until))}`];
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
