/** What the state file keeps: commands and what of the quotas is used. Checked as input from outside, and by a check sum. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { MAX_DAYS } from '../../core/quota/ledger.js';

/** What every state file begins with. */
export const MARK = '{"pathrace":"state",';
export const MAX_STATE_BYTES = 1_048_576;
/** Routes of configurations of before are among them. */
export const MAX_KEPT_ROUTES = 64;

const VERSION = 1;
const MAX_TIME_MS = 8.64e15;
const Bytes = z.int().nonnegative();
const Day = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/);
const Name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\p{Cc}]+$/u);

const LedgerSchema = z.strictObject({
  days: z.record(Day, Bytes).refine((days) => Object.keys(days).length <= MAX_DAYS),
  undated: Bytes,
  today: Day.nullable(),
  latest: Day.nullable(),
  left: Day.nullable(),
});

const KeptRouteSchema = z.strictObject({
  name: Name,
  admin: z.enum(['enabled', 'draining', 'disabled']),
  /** When it was commanded, wall time; 0: not known. */
  commandedMs: z.number().nonnegative().max(MAX_TIME_MS),
  ledger: LedgerSchema,
});

const StateSchema = z.strictObject({
  clock: z.strictObject({
    lastMs: z.number().nonnegative().max(MAX_TIME_MS),
    steadyMs: z.number().nonnegative(),
  }),
  /** The kernel's name for the time since it was started, and its byte counters then, by interface or counter. */
  boot: z.string().max(64),
  counters: z.record(z.string().min(1).max(64), Bytes).refine((all) => Object.keys(all).length <= 128),
  routes: z
    .array(KeptRouteSchema)
    .max(MAX_KEPT_ROUTES)
    .refine((routes) => new Set(routes.map(({ name }) => name)).size === routes.length),
});

export type State = z.infer<typeof StateSchema>;

export type StateDefect = 'corrupt' | 'newer-version';

export function encodeState(state: State): string {
  const content = JSON.stringify(state);
  return `${MARK}"version":${VERSION},"sha256":"${digest(content)}","content":\n${content}\n}\n`;
}

export function decodeState(text: string): State | StateDefect {
  let outer: { version?: unknown; sha256?: unknown; content?: unknown };
  try {
    outer = JSON.parse(text);
  } catch {
    return 'corrupt';
  }
  if (typeof outer.version === 'number' && outer.version > VERSION) return 'newer-version';
  if (outer.version !== VERSION || outer.sha256 !== digest(JSON.stringify(outer.content ?? null)))
    return 'corrupt';
  const parsed = StateSchema.safeParse(outer.content);
  return parsed.success ? parsed.data : 'corrupt';
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
