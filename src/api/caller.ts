/** Who asks, and by which door: the control socket, or an address of `api.listen`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PathraceError } from '../model/errors.js';
import type { Role } from './endpoints/endpoint.js';

export interface Caller {
  /** What it may do; null: nothing but what anyone may. */
  readonly role: 'read' | 'operate' | null;
  /** Name of its token; null: it has none. */
  readonly name: string | null;
  /** By which its share of what is bounded is counted. */
  readonly address: string;
  readonly session: CallerSession | null;
}

export interface CallerSession {
  readonly csrf: string;
  /** Monotonic time, milliseconds. */
  readonly untilMs: number;
}

/** A way to the API. */
export interface Door {
  /** Whether it is open to all who can reach it, and only they can: the control socket. */
  readonly isPrivate: boolean;
  /** Who asks. Throws E_UNAUTHENTICATED, E_FORBIDDEN, E_TOO_MANY. `changes`: something may change. */
  admit(request: IncomingMessage, changes: boolean): Caller;
  /** A token becomes a session. Throws as `admit`. */
  logIn(request: IncomingMessage, response: ServerResponse, token: string): Caller;
  logOut(request: IncomingMessage, response: ServerResponse): void;
}

/** Whoever may open the control socket may do everything. */
export const PRIVATE_CALLER: Caller = { role: 'operate', name: null, address: 'socket', session: null };

export const PRIVATE_DOOR: Door = {
  isPrivate: true,
  admit: () => PRIVATE_CALLER,
  logIn: () => PRIVATE_CALLER,
  logOut: () => undefined,
};

/** Throws when a caller may not do what needs a role. */
export function refuseUnless(role: Role, caller: Caller): void {
  if (role === 'anyone' || caller.role === 'operate' || caller.role === role) return;
  if (caller.name === null)
    throw new PathraceError('E_UNAUTHENTICATED', 'This needs a token, and none was sent.');
  throw new PathraceError('E_FORBIDDEN', `The token ${caller.name} may read, and this changes something.`, {
    found: 'read',
    expected: role,
  });
}

// By request: several servers may share one application.
const DOORS = new WeakMap<IncomingMessage, Door>();

export function enterBy(request: IncomingMessage, door: Door): void {
  DOORS.set(request, door);
}

export function doorOf(request: IncomingMessage): Door {
  return DOORS.get(request) ?? PRIVATE_DOOR;
}
