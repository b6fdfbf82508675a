/** `pathrace status --check`: one line and an exit code for monitoring, as plugins of Nagios and its heirs have them. */
import { callControl } from '../api/client.js';
import type { Status } from '../api/contract.js';
import { STATUS_PATH } from '../api/paths.js';
import { verdictOf } from '../api/verdict.js';
import { PathraceError } from '../model/errors.js';
import { type CommandIo, errorDocument, resultDocument } from './io.js';
import { printable } from './style.js';

/** 0: well. 1: something needs somebody. 2: no route is up, or no gateway runs. 3: nobody can tell. */
export const CHECK_EXIT = { ok: 0, alarm: 1, down: 2, unknown: 3 } as const;
export type Verdict = keyof typeof CHECK_EXIT;

/** Asks and prints; never throws for what the gateway does or does not say. */
export async function runStatusCheck(control: string, json: boolean, io: CommandIo): Promise<number> {
  let verdict: Verdict;
  try {
    const status = await ask(control);
    verdict = verdictOf(status);
    const document = resultDocument({ verdict, alarms: status.alarms }, verdict === 'ok');
    io.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : checkLine(status));
  } catch (error) {
    const known = error instanceof PathraceError ? error : new PathraceError('E_INTERNAL', String(error));
    verdict = isDead(known) ? 'down' : 'unknown';
    const document = { ...errorDocument(known), verdict };
    const line = `PATHRACE ${WORDS[verdict]} - ${oneLine(known.message)}\n`;
    io.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : line);
  }
  return CHECK_EXIT[verdict];
}

/** `PATHRACE OK - 3 of 3 routes up | routes_up=3 …`: words for people, and figures as plugins give them. */
export function checkLine(status: Status): string {
  const { alarms, routes } = status;
  const verdict = verdictOf(status);
  const up = routes.filter(({ state }) => state === 'up').length;
  const connections = routes.reduce((sum, route) => sum + route.connections, 0);
  const words = alarms.length === 0 ? `${up} of ${routes.length} routes up` : alarms.join('; ');
  const figures = `routes_up=${up} routes=${routes.length} connections=${connections} alarms=${alarms.length}`;
  return `PATHRACE ${WORDS[verdict]} - ${oneLine(words)} | ${figures}\n`;
}

const WORDS: Readonly<Record<Verdict, string>> = {
  ok: 'OK',
  alarm: 'WARNING',
  down: 'CRITICAL',
  unknown: 'UNKNOWN',
};

async function ask(control: string): Promise<Status> {
  const status = (await callControl(control, STATUS_PATH)) as Status;
  if (Array.isArray(status?.routes) && Array.isArray(status.alarms)) return status;
  throw new PathraceError('E_CONTROL_UNREACHABLE', `What answers at ${control} is of another version.`, {
    remedy: 'Restart the gateway with this version first.',
  });
}

/** Nobody listens: known to be down, where no answer in time says nothing. */
function isDead({ code, message }: PathraceError): boolean {
  return code === 'E_CONTROL_UNREACHABLE' && /no such socket|has ended/.test(message);
}

/** A bar would begin the figures. */
function oneLine(text: string): string {
  return printable(text).replaceAll('|', '/').slice(0, 1000);
}
