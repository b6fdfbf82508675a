/** Where a page of a list ended, as a text that says nothing to its reader and takes nothing from him: signed by this run of the gateway. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { PathraceError } from '../model/errors.js';

const SECRET = randomBytes(32);

/** `question`: what else was asked, since a place means something to it alone. */
export function toCursor(list: string, question: unknown, place: number): string {
  const body = `${list}.${place.toString(36)}.${digestOf(question)}`;
  return `${body}.${sign(body)}`;
}

/** The place; throws E_ARGUMENT for what is no cursor of this question. */
export function fromCursor(list: string, question: unknown, cursor: string): number {
  const at = cursor.lastIndexOf('.');
  const [body, signature] = [cursor.slice(0, at), cursor.slice(at + 1)];
  const [own, place, digest] = body.split('.');
  const right = Buffer.from(sign(body));
  const given = Buffer.from(signature);
  const isGenuine = given.length === right.length && timingSafeEqual(given, right);
  if (isGenuine && own === list && digest === digestOf(question)) return Number.parseInt(place, 36);
  throw new PathraceError(
    'E_ARGUMENT',
    'The cursor is not one of this question, or of this run of the gateway.',
    {
      remedy: 'Begin without a cursor.',
    },
  );
}

function digestOf(question: unknown): string {
  return createHash('sha256').update(JSON.stringify(question)).digest('base64url').slice(0, 16);
}

function sign(body: string): string {
  return createHmac('sha256', SECRET).update(body).digest('base64url').slice(0, 22);
}
