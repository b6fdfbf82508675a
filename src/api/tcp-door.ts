/**
 * The door of `api.listen`: who may come in, by token or session, and from which page. A foreign page reaches this machine with its user's
 * browser, so a request must name the gateway by a name of its own (else a foreign name has been pointed here: DNS rebinding), must not
 * come from a foreign page, and what changes something by a session must know the word that only our page was told (no forgery).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { isLoopback } from '../config/values/listen.js';
import type { ApiConfig } from '../model/config.js';
import { PathraceError } from '../model/errors.js';
import type { Caller, Door } from './caller.js';
import { CSRF_HEADER } from './client/browser.js';
import { type BrowserSession, Sessions, sessionCookie, sessionIdOf } from './sessions.js';
import { findToken, type Token } from './tokens.js';
import { WrongTokens } from './wrong-tokens.js';

/** What changes while it is open. */
export interface DoorRules {
  readonly config: Pick<ApiConfig, 'hosts' | 'anonymous'>;
  readonly tokens: readonly Token[];
}

export class TcpDoor implements Door {
  readonly isPrivate = false;
  readonly sessions = new Sessions();
  readonly wrong = new WrongTokens();

  constructor(
    private readonly rules: () => DoorRules,
    private readonly nowMs: () => number,
  ) {}

  admit(request: IncomingMessage, changes: boolean): Caller {
    const { headers } = request;
    const { config, tokens } = this.rules();
    refuseForeign(request, config.hosts);
    const address = addressOf(request);
    if (headers.authorization !== undefined) {
      const token = this.tokenOf(BEARER.exec(headers.authorization)?.[1] ?? '', address);
      return { role: token.role, name: token.name, address, session: null };
    }
    const id = sessionIdOf(headers.cookie);
    const session = id === null ? null : this.sessions.find(id, tokens, this.nowMs());
    if (session === null) {
      const role = config.anonymous === 'read' ? 'read' : null;
      return { role, name: null, address, session: null };
    }
    if (changes && headers[CSRF_HEADER] !== session.csrf) {
      const message = `What changes something needs \`${CSRF_HEADER}\` with the word of the session.`;
      throw new PathraceError('E_FORBIDDEN', message, { remedy: 'Ask for the session (GET /v1/session).' });
    }
    return callerOf(session, address);
  }

  logIn(request: IncomingMessage, response: ServerResponse, text: string): Caller {
    const address = addressOf(request);
    const token = this.tokenOf(text, address);
    const { id, session } = this.sessions.begin(token, this.nowMs());
    response.setHeader('set-cookie', sessionCookie(id, isSecure(request)));
    return callerOf(session, address);
  }

  logOut(request: IncomingMessage, response: ServerResponse): void {
    const id = sessionIdOf(request.headers.cookie);
    if (id !== null) this.sessions.end(id);
    response.setHeader('set-cookie', sessionCookie('', isSecure(request)));
  }

  private tokenOf(text: string, address: string): Token {
    const now = this.nowMs();
    this.wrong.refuse(address, now);
    const token = findToken(this.rules().tokens, text);
    if (token !== null) return token;
    this.wrong.note(address, now);
    throw new PathraceError('E_UNAUTHENTICATED', 'The token is not right.');
  }
}

const BEARER = /^Bearer ([\w.~+/=-]{1,128})$/i;

function callerOf({ token, csrf, untilMs }: BrowserSession, address: string): Caller {
  return { role: token.role, name: token.name, address, session: { csrf, untilMs } };
}

/** Throws E_FORBIDDEN for what no page of ours, and nobody who calls the gateway by its name, sends. */
export function refuseForeign({ headers, socket }: IncomingMessage, hosts: readonly string[]): void {
  const { host = '', origin } = headers;
  const { localAddress = '', localPort = 0 } = socket;
  if (!isOwnHost(host.toLowerCase(), plain(localAddress), localPort, hosts)) {
    throw new PathraceError('E_FORBIDDEN', 'The request names a host that this gateway is not.', {
      found: JSON.stringify(host.slice(0, 100)),
      expected: 'an address of `api.listen`, or a name of `api.hosts`',
    });
  }
  const own = [`http://${host.toLowerCase()}`, `https://${host.toLowerCase()}`];
  const site = headers['sec-fetch-site'];
  const isForeign = origin !== undefined && !own.includes(origin.toLowerCase());
  // What was typed, or linked to, is told apart from what a page fetches.
  const isFetched = headers['sec-fetch-mode'] !== 'navigate';
  if (!isForeign && !(isFetched && (site === 'cross-site' || site === 'same-site'))) return;
  throw new PathraceError('E_FORBIDDEN', 'The request comes from the page of another site.', {
    found: JSON.stringify((origin ?? String(site)).slice(0, 100)),
    expected: 'the page of this gateway',
  });
}

function isOwnHost(host: string, address: string, port: number, hosts: readonly string[]): boolean {
  const found = /^(\[[0-9a-f:.]+\]|[^:]*)(?::(\d{1,5}))?$/.exec(host);
  if (found === null) return false;
  const name = found[1].replace(/^\[|\]$/g, '');
  // A name of the operator's own may be that of a proxy with another port.
  if (hosts.includes(name)) return true;
  if (Number(found[2] ?? (port === 443 || port === 80 ? port : 0)) !== port) return false;
  return name === address || (name === 'localhost' && isLoopback(address));
}

/** Without the prefix of an IPv4 address on a socket of IPv6. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '').toLowerCase();
}

function addressOf({ socket }: IncomingMessage): string {
  return plain(socket.remoteAddress ?? '');
}

function isSecure({ socket }: IncomingMessage): boolean {
  return socket instanceof TLSSocket;
}
