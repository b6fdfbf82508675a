/** Sessions of browsers: a cookie that stands for a token, since a page cannot send one along with a stream of events. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Token } from './tokens.js';

/** Unused for so long it is over; and in any case after a day. */
const IDLE_MS = 3_600_000;
const LONGEST_MS = 24 * IDLE_MS;

/** BOUNDED: the oldest gives way. */
const MAX_SESSIONS = 256;

export const SESSION_COOKIE = 'pathrace-session';

export interface BrowserSession {
  readonly token: Token;
  readonly csrf: string;
  /** Monotonic time, milliseconds. */
  readonly begunMs: number;
  untilMs: number;
}

export class Sessions {
  /** By the hash of what the cookie says: to look one up says nothing of the others. */
  private readonly sessions = new Map<string, BrowserSession>();

  /** A new one, and what its cookie says. */
  begin(token: Token, nowMs: number): { readonly id: string; readonly session: BrowserSession } {
    if (this.sessions.size >= MAX_SESSIONS) {
      const [oldest] = this.sessions.keys();
      this.sessions.delete(oldest);
    }
    const id = randomBytes(32).toString('base64url');
    const csrf = randomBytes(32).toString('base64url');
    const session = { token, csrf, begunMs: nowMs, untilMs: nowMs + IDLE_MS };
    this.sessions.set(keyOf(id), session);
    return { id, session };
  }

  /** A use of it; null: there is none, or it is over, or its token is not there any more. */
  find(id: string, tokens: readonly Token[], nowMs: number): BrowserSession | null {
    const key = keyOf(id);
    const session = this.sessions.get(key);
    if (session === undefined) return null;
    const { token, begunMs } = session;
    const isKnown = tokens.some(
      ({ name, role, hash }) =>
        name === token.name && role === token.role && timingSafeEqual(hash, token.hash),
    );
    if (!isKnown || nowMs >= session.untilMs) {
      this.sessions.delete(key);
      return null;
    }
    session.untilMs = Math.min(nowMs + IDLE_MS, begunMs + LONGEST_MS);
    return session;
  }

  end(id: string): void {
    this.sessions.delete(keyOf(id));
  }
}

/** The session that a request names; null: none. */
export function sessionIdOf(cookies: string | undefined): string | null {
  for (const part of (cookies ?? '').split(';')) {
    const [name, value] = part.trim().split('=');
    if (name === SESSION_COOKIE && /^[\w-]{43}$/.test(value ?? '')) return value;
  }
  return null;
}

/** `isSecure`: by TLS. */
export function sessionCookie(id: string, isSecure: boolean): string {
  const life = id === '' ? 0 : LONGEST_MS / 1000;
  return `${SESSION_COOKIE}=${id}; Path=/; Max-Age=${life}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
}

function keyOf(id: string): string {
  return createHash('sha256').update(id).digest('base64');
}
