/** What `status`, `routes` and `services` have in common: a page or a document, once or again and again. */
import { PathraceError } from '../model/errors.js';
import { type CommandIo, EXIT, errorDocument, resultDocument, writeResult } from './io.js';
import { type Paint, paintFor } from './style.js';
import { NARROW, WIDE } from './table.js';
import { parsePeriod, watch } from './watch.js';

export interface PageOptions {
  readonly json?: boolean;
  /** Lines as long as they are, with all columns. */
  readonly wide?: boolean;
  /** Seconds between two pages, as typed; true: as usual. */
  readonly watch?: string | true;
}

/** How a command comes to its page. */
export interface PageSource<Answer> {
  ask(): Promise<Answer>;
  json(answer: Answer): Readonly<Record<string, unknown>>;
  render(answer: Answer, paint: Paint, width: number): string;
}

/** Prints the page or the document; with `watch` again and again until Ctrl-C. */
export async function showPage<Answer>(
  { json = false, wide = false, watch: period }: PageOptions,
  io: CommandIo,
  source: PageSource<Answer>,
): Promise<number> {
  const paint = paintFor(io.stdout, io.env);
  const page = (answer: Answer): string => source.render(answer, paint, wide ? WIDE : NARROW);
  if (period === undefined) {
    const answer = await source.ask();
    if (json) writeResult(io, source.json(answer));
    else io.stdout.write(page(answer));
    return EXIT.ok;
  }
  const periodMs = parsePeriod(period);
  if (json) {
    const line = async (): Promise<object> => {
      const answer = await attempt(source.ask);
      return answer instanceof PathraceError ? errorDocument(answer) : resultDocument(source.json(answer));
    };
    await watch(io, periodMs, async () => `${JSON.stringify(await line())}\n`, { kind: 'lines' });
    return EXIT.ok;
  }
  const frame = async (): Promise<string> => {
    const answer = await attempt(source.ask);
    return answer instanceof PathraceError ? `pathrace: ${answer.toString()}\n` : page(answer);
  };
  await watch(io, periodMs, frame, { kind: 'pages' });
  return EXIT.ok;
}

/** The answer, or that the gateway is away: who watches wants to see it come back, too. */
export async function attempt<Answer>(ask: () => Promise<Answer>): Promise<Answer | PathraceError> {
  try {
    return await ask();
  } catch (error) {
    const passes = error instanceof PathraceError && AWAY.includes(error.code);
    if (passes) return error;
    throw error;
  }
}

const AWAY: readonly string[] = ['E_CONTROL_UNREACHABLE', 'E_CONTROL_BUSY'];
