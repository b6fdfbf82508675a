/** Addresses in header fields of SIP (RFC 3261 sections 19.1 and 20.10): `"name" <sip:user@host:port;transport=tcp>;expires=60`. */
import { type HostPort, parameterOf, readHostPort, splitOutside, trimBlanks } from './text-values.js';

/** Parameters that are looked at, of one address; sensible ones have ten at most. */
const MAX_PARAMETERS = 64;

/** An address and what stands behind it. */
export interface SipAddress {
  /** What is between the angle brackets, or before the first semicolon where there are none. */
  readonly uri: string;
  /** Of the header field, not of the address. */
  readonly parameters: readonly string[];
}

/** One entry of From, To, Contact or the like; null when a quote or bracket is not closed. */
export function readSipAddress(text: string): SipAddress | null {
  const name = afterName(text);
  if (name < 0) return null;
  if (text[name] === '<') {
    const close = text.indexOf('>', name);
    if (close < 0) return null;
    const rest = trimBlanks(text.slice(close + 1));
    if (rest !== '' && !rest.startsWith(';')) return null;
    return {
      uri: trimBlanks(text.slice(name + 1, close)),
      parameters: splitOutside(rest, ';', MAX_PARAMETERS),
    };
  }
  // > If the URI is not enclosed in angle brackets, any semicolon-delimited parameters are header-parameters
  const [uri, ...parameters] = splitOutside(text.slice(name), ';', MAX_PARAMETERS);
  return uri === '' ? null : { uri, parameters };
}

/** Where the bracket is, or the address when there is none; -1 when a quoted name does not end. */
function afterName(text: string): number {
  let at = 0;
  if (text.startsWith('"')) {
    for (at = 1; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++;
    if (at >= text.length) return -1;
    at++;
    while (text[at] === ' ') at++;
    return text[at] === '<' ? at : -1;
  }
  const bracket = text.indexOf('<');
  const semicolon = text.indexOf(';');
  return bracket >= 0 && (semicolon < 0 || bracket < semicolon) ? bracket : 0;
}

/** Where an address leads. */
export interface SipTarget extends HostPort {
  /** Lower case; '' when the address does not say: UDP, or TLS with `sips`. */
  readonly transport: string;
}

/** Of a `sip:` or `sips:` address; null for others and for what is none. */
export function readSipTarget(uri: string): SipTarget | null {
  const scheme = /^sips?:/i.exec(uri);
  if (scheme === null) return null;
  const at = uri.indexOf('@');
  // A user part may contain semicolons and question marks, but no unescaped @; nor may anything behind the host.
  if (at >= 0 && uri.indexOf('@', at + 1) >= 0) return null;
  const rest = uri.slice(at >= 0 ? at + 1 : scheme[0].length);
  const question = rest.indexOf('?');
  const [host, ...parameters] = splitOutside(
    question < 0 ? rest : rest.slice(0, question),
    ';',
    MAX_PARAMETERS,
  );
  const target = readHostPort(host);
  if (target === null) return null;
  return { ...target, transport: (parameterOf(parameters, 'transport') ?? '').toLowerCase() };
}
