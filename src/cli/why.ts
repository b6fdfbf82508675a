/** `pathrace why`: how recent and open connections came to their routes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { callControl } from '../api/client.js';
import type { Decision, WhyQuery } from '../api/contract.js';
import { MAX_DECISIONS_ANSWERED, WHY_LIMIT, whyPath } from '../api/paths.js';
import { isName, NAME_ALLOWED } from '../config/values/texts.js';
import { PathraceError } from '../model/errors.js';
import { findDestination } from './destination.js';
import { type CommandIo, EXIT, errorDocument, resultDocument, writeResult } from './io.js';
import { attempt } from './show.js';
import { paintFor } from './style.js';
import { NARROW, WIDE } from './table.js';
import { renderWhy } from './why-page.js';

export { renderWhy };

/** As typed. */
export interface WhyOptions {
  readonly json?: boolean;
  readonly wide?: boolean;
  readonly client?: string;
  readonly route?: string;
  readonly service?: string;
  readonly limit?: string;
  readonly follow?: boolean;
}

/** A question to the gateway; `name`: what was typed for the address. */
interface Asked {
  readonly query: WhyQuery;
  readonly name: string | null;
}

export async function runWhy(
  destination: string | undefined,
  control: string,
  options: WhyOptions,
  io: CommandIo,
): Promise<number> {
  const asked = await questions(destination, options);
  const limit = asked[0]?.query.limit ?? WHY_LIMIT;
  const names = new Map(asked.map(({ query, name }) => [query.address ?? '', name]));
  const ask = async (): Promise<readonly Decision[]> => {
    const answers = await Promise.all(asked.map(({ query }) => callControl(control, pathOf(query))));
    const all = (answers as (readonly Decision[])[]).flat();
    return all.sort((a, b) => Number(a.time < b.time) - Number(a.time > b.time)).slice(0, limit);
  };
  const page = (decisions: readonly Decision[]): string =>
    renderWhy(subject(destination, options), decisions, paintFor(io.stdout, io.env), {
      width: options.wide === true ? WIDE : NARROW,
      names,
    });
  if (options.follow === true) return follow(ask, page, options.json === true, io);
  const decisions = await ask();
  if (options.json === true) writeResult(io, { decisions });
  else io.stdout.write(page(decisions));
  return EXIT.ok;
}

const FOLLOW_MS = 1000;

/** Prints what comes, the oldest first, until Ctrl-C; first what is there. */
async function follow(
  ask: () => Promise<readonly Decision[]>,
  page: (decisions: readonly Decision[]) => string,
  json: boolean,
  io: CommandIo,
): Promise<number> {
  const end = new AbortController();
  io.interrupted?.().then(
    () => end.abort(),
    () => end.abort(),
  );
  // BOUNDED: by what one answer has.
  let seen = new Set<string>();
  let wasAway = false;
  while (!end.signal.aborted) {
    const answer = await attempt(ask);
    const isAway = answer instanceof PathraceError;
    // Told once: it may be away for long.
    if (isAway && !wasAway)
      io.stdout.write(
        json ? `${JSON.stringify(errorDocument(answer))}\n` : `pathrace: ${answer.toString()}\n\n`,
      );
    wasAway = isAway;
    if (!isAway) {
      const news = answer.filter((decision) => !seen.has(keyOf(decision))).reverse();
      seen = new Set(answer.map(keyOf));
      for (const one of news)
        io.stdout.write(
          json ? `${JSON.stringify(resultDocument({ decisions: [one] }))}\n` : `${page([one])}\n`,
        );
    }
    await sleep(FOLLOW_MS, undefined, { signal: end.signal }).catch(() => undefined);
  }
  return EXIT.ok;
}

/** An open connection that nobody has noted has no time of its own. */
function keyOf({ time, by, protocol, client, destination, route }: Decision): string {
  return `${by === 'kernel' ? '' : time} ${protocol} ${client} ${destination} ${route}`;
}

/** One for each address of a name. Throws E_ARGUMENT. */
async function questions(destination: string | undefined, options: WhyOptions): Promise<readonly Asked[]> {
  const { route, service } = options;
  for (const name of [route, service]) {
    if (name === undefined || isName(name)) continue;
    const found = JSON.stringify(name.slice(0, 80));
    throw new PathraceError('E_ARGUMENT', 'Not a name.', { found, expected: NAME_ALLOWED });
  }
  const others: WhyQuery = {
    ...(route === undefined ? {} : { route }),
    ...(service === undefined ? {} : { service }),
    ...(options.limit === undefined ? {} : { limit: parseLimit(options.limit) }),
  };
  const clients = options.client === undefined ? [null] : (await findDestination(options.client)).addresses;
  const found = destination === undefined ? null : await findDestination(destination);
  const port = found?.port ?? null;
  return clients.flatMap((client) =>
    (found?.addresses ?? [null]).map((address) => ({
      query: {
        ...others,
        ...(address === null ? {} : { address }),
        ...(port === null ? {} : { port }),
        ...(client === null ? {} : { client }),
      },
      name: found?.name ?? null,
    })),
  );
}

function pathOf({ address, port, ...more }: WhyQuery): string {
  return whyPath(address ?? null, port ?? null, more);
}

/** What was asked about, for the sentence that there is nothing. */
function subject(destination: string | undefined, { client, route, service }: WhyOptions): string | null {
  const parts = [
    destination,
    client === undefined ? undefined : `client ${client}`,
    route === undefined ? undefined : `route ${route}`,
    service === undefined ? undefined : `service ${service}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? null : parts.join(', ');
}

function parseLimit(text: string): number {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_DECISIONS_ANSWERED) return limit;
  throw new PathraceError('E_ARGUMENT', 'Not a limit.', {
    found: JSON.stringify(text.slice(0, 80)),
    expected: `1 to ${MAX_DECISIONS_ANSWERED}`,
  });
}
