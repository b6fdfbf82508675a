/** `pathrace top`: what the gateway does now, again and again; keys sort, `q` ends it. */
import { callControl } from '../../api/client.js';
import type { Decision, Status } from '../../api/contract.js';
import { STATUS_PATH, whyPath } from '../../api/paths.js';
import { unknownName } from '../../config/vocabulary.js';
import { PathraceError } from '../../model/errors.js';
import { type CommandIo, EXIT, errorDocument, resultDocument } from '../io.js';
import { attempt } from '../show.js';
import { paintFor } from '../style.js';
import { NARROW, WIDE } from '../table.js';
import { parsePeriod, watch } from '../watch.js';
import { ORDERS, orderNamed } from './order.js';
import { MOST_DECISIONS, renderTop } from './page.js';
import { type Look, ratesOf } from './sample.js';

export interface TopOptions {
  readonly json?: boolean;
  readonly wide?: boolean;
  /** Seconds between two looks, as typed. */
  readonly every?: string;
  /** Looks, as typed; absent: without end. */
  readonly count?: string;
  /** Name of an order. */
  readonly sort?: string;
}

const DEFAULT_SECONDS = '1';

/** `clock`: milliseconds that only go on. */
export async function runTop(
  control: string,
  options: TopOptions,
  io: CommandIo,
  clock: () => number = () => performance.now(),
): Promise<number> {
  const { json = false, wide = false, every = DEFAULT_SECONDS, sort = 'file' } = options;
  const periodMs = parsePeriod(every);
  const most = parseCount(options.count);
  const chosen = orderNamed(sort);
  if (chosen === undefined) {
    const names = Object.values(ORDERS).map(({ name }) => name);
    throw unknownName('order', sort, names);
  }
  const state = { order: chosen, reverse: false };
  let before: Look | null = null;
  let last: Look | null = null;
  /** A look; the one before again where a key was pressed in between. */
  const look = async (): Promise<Look | PathraceError> => {
    if (last !== null && clock() - last.atMs < periodMs / 2) return last;
    const answer = await attempt(() => ask(control, clock));
    [before, last] = answer instanceof PathraceError ? [null, null] : [last, answer];
    return answer;
  };
  if (json) {
    await watch(io, periodMs, async () => `${JSON.stringify(lineOf(await look(), before))}\n`, {
      kind: 'lines',
      most,
    });
    return EXIT.ok;
  }
  const paint = paintFor(io.stdout, io.env);
  const frame = async (): Promise<string> => {
    const answer = await look();
    if (answer instanceof PathraceError) return `pathrace: ${answer.toString()}\n`;
    const page = { ...state, rows: rowsOf(io), hasKeys: io.keys !== undefined };
    return renderTop(answer, ratesOf(before, answer), page, paint, wide ? WIDE : NARROW);
  };
  await watch(io, periodMs, frame, {
    kind: 'pages',
    most,
    onKey: (key) => {
      if (key === 'q' || key === 'Q') return 'end';
      if (key === 'r') state.reverse = !state.reverse;
      else if (Object.hasOwn(ORDERS, key)) state.order = key;
      else return 'nothing';
      return 'redraw';
    },
  });
  return EXIT.ok;
}

async function ask(control: string, clock: () => number): Promise<Look> {
  const [status, decisions] = await Promise.all([
    callControl(control, STATUS_PATH),
    callControl(control, whyPath(null, null, { limit: MOST_DECISIONS })),
  ]);
  return { atMs: clock(), status: status as Status, decisions: decisions as readonly Decision[] };
}

/** A page that scrolls has room without end; the title above it takes a line. */
function rowsOf({ stdout }: CommandIo): number {
  return stdout.isTTY === true ? (stdout.rows ?? 24) - 2 : Number.POSITIVE_INFINITY;
}

/** One line of `--json`. */
function lineOf(answer: Look | PathraceError, before: Look | null): object {
  if (answer instanceof PathraceError) return errorDocument(answer);
  const { status, decisions } = answer;
  const { racesPerSecond, singlePerSecond, routes } = ratesOf(before, answer);
  const known = new Set(before?.decisions.map(keyOf));
  return resultDocument({
    time: new Date().toISOString(),
    uptimeSeconds: status.uptimeSeconds,
    alarms: status.alarms,
    racesPerSecond,
    singlePerSecond,
    routes: routes.map(({ route, ...rates }) => ({
      name: route.name,
      state: route.state,
      connections: route.connections,
      traffic: route.traffic,
      ...rates,
    })),
    decisions: decisions.filter((decision) => !known.has(keyOf(decision))),
  });
}

function keyOf({ time, client, destination }: Decision): string {
  return `${time} ${client} ${destination}`;
}

/** Throws E_ARGUMENT. */
function parseCount(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new PathraceError('E_ARGUMENT', 'Not a number of looks.', {
    found: JSON.stringify(text.slice(0, 80)),
    expected: 'a whole number from 1 to 999999',
  });
}
