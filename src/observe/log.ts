/** The log: JSON lines on stderr; a readable line each where stderr is a terminal, and with its priority where it is the journal. */
import { type Logger, pino } from 'pino';
import type { GatewayConfig } from '../model/config.js';
import { journalPriority, type LogForm, logForm } from './journal.js';
import { LineLimit } from './line-limit.js';

export type Log = Logger;

export interface LogOptions {
  readonly level: GatewayConfig['log']['level'];
  /** One line of text for a person instead of JSON. Default: `form`. */
  readonly readable?: boolean;
  /** Default: as `logForm` says of this process. */
  readonly form?: LogForm;
  /** Gets each finished line. Default: stderr, written before the call returns. */
  readonly write?: (line: string) => void;
  /** Asked for each line: addresses of clients and destinations are wanted in lines of every level. Default: they are not. */
  readonly addresses?: () => boolean;
  /** Called for each line that is left out, since there are too many of its kind. Without it none is. */
  readonly onLimited?: () => void;
}

/**
 * Makes the log. Call it as `log.info({ event, reason }, 'message')`: one line per event. Fields that could name a person's traffic
 * (PRIVATE_FIELDS) are left out above `debug` unless they are wanted, whoever wrote them; messages are without such. Lines are limited by
 * `event` and route.
 */
export function createLog(options: LogOptions): Log {
  const given = options.readable === undefined ? undefined : options.readable ? 'readable' : 'json';
  const form = given ?? options.form ?? logForm(process.env);
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const mayPass = options.onLimited === undefined ? null : limiter(options.onLimited);
  const log = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        logMethod(args, method, level): void {
          const [fields] = args as unknown[];
          if (!isFields(fields)) return method.apply(this, args);
          const left = mayPass?.(fields, log) ?? 0;
          if (left < 0) return;
          const hides = level >= PRIVATE_BELOW && options.addresses?.() !== true;
          const shown = hides ? withoutPrivate(fields) : fields;
          args[0] = (left === 0 ? shown : { ...shown, leftOut: left }) as never;
          method.apply(this, args);
        },
      },
    },
    { write: form === 'json' ? write : (line) => write(FORMS[form](line)) },
  );
  return log;
}

/** What says of each line whether it is written, and how many of its kind were not (line-limit.ts); of the last ones a line of its own. */
function limiter(onLimited: () => void): (fields: Record<string, unknown>, log: Log) => number {
  const limit = new LineLimit();
  let isToTell = false;
  return ({ event, route }, log) => {
    // The words about what was left out have a bound already.
    if (event === LEFT_OUT) return 0;
    const left = limit.take(`${event} ${route ?? ''}`.trimEnd(), performance.now());
    if (left >= 0) return left;
    onLimited();
    if (isToTell) return left;
    isToTell = true;
    setTimeout(() => {
      isToTell = false;
      for (const [kind, count] of limit.takeUntold())
        log.warn(
          { event: LEFT_OUT, of: kind, count },
          `${count} further lines about "${kind}" were left out`,
        );
    }, TELL_MS).unref();
    return left;
  };
}

const LEFT_OUT = 'lines-left-out';
/** What was left out is told so long after the first of it. */
const TELL_MS = 60_000;

/** `info` in pino's numbers; `debug` is 20. */
const PRIVATE_BELOW = 30;

const PRIVATE_FIELDS: ReadonlySet<string> = new Set([
  'address',
  'client',
  'clients',
  'destination',
  'host',
  'name',
  'query',
  'server',
  'source',
  'tuple',
]);

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof Error);
}

function withoutPrivate(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => !PRIVATE_FIELDS.has(key)));
}

/** `11:22:33.123 info  message  key=value`. */
function readableLine(json: string): string {
  const { level, time, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const rest = Object.entries(fields).map(([key, value]) => `  ${key}=${plain(value)}`);
  return `${clock} ${String(level).padEnd(5)} ${clean(String(msg ?? ''))}${rest.join('')}\n`;
}

/** `<4>message  key=value`. */
function journalLine(json: string): string {
  const { level, time: _, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([key, value]) => `  ${key}=${plain(value)}`);
  return `${journalPriority(String(level))}${clean(String(msg ?? ''))}${rest.join('')}\n`;
}

const FORMS = { readable: readableLine, journal: journalLine } as const;

/** Text without spaces as it is; everything else quoted, so that a hostile value cannot draw on the terminal. */
function plain(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/@[\]+-]+$/.test(value) ? value : JSON.stringify(value);
}

function clean(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, ' ');
}
