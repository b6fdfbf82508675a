/**
 * What is in values of header fields of SIP and RTSP: lists, parameters, quoted strings, hosts and ports (RFC 3261 section 25.1, RFC 7826
 * section 20). Texts are short (`MAX_TEXT`), each function looks at every character once or twice.
 */

/** Splits at `separator`, not inside of quoted strings nor of angle brackets; at most `most` parts, without blanks around. */
export function splitOutside(text: string, separator: string, most: number): string[] {
  // BOUNDED: `most`; the rest is left out.
  const parts: string[] = [];
  let from = 0;
  let isQuoted = false;
  let isBracketed = false;
  for (let i = 0; i < text.length && parts.length < most; i++) {
    const character = text[i];
    if (isQuoted) {
      if (character === '\\') i++;
      else if (character === '"') isQuoted = false;
    } else if (character === '"') isQuoted = true;
    else if (character === '<') isBracketed = true;
    else if (character === '>') isBracketed = false;
    else if (character === separator && !isBracketed) {
      parts.push(trimBlanks(text.slice(from, i)));
      from = i + 1;
    }
  }
  if (parts.length < most) parts.push(trimBlanks(text.slice(from)));
  return parts;
}

/** Without the blanks around it, and nothing else: `trim` of the language knows more of them, which a server does not. */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text[start] === ' ') start++;
  while (end > start && text[end - 1] === ' ') end--;
  return text.slice(start, end);
}

/**
 * The value of the first of `parameters` (`name`, `name=value` or `name="value"`, blanks allowed) with this name, which is in lower case and
 * compared without case. '' when it has none, null when it is not there.
 */
export function parameterOf(parameters: readonly string[], name: string): string | null {
  for (const parameter of parameters) {
    const equals = parameter.indexOf('=');
    const own = trimBlanks(equals < 0 ? parameter : parameter.slice(0, equals));
    if (own.length !== name.length || own.toLowerCase() !== name) continue;
    return equals < 0 ? '' : unquoted(trimBlanks(parameter.slice(equals + 1)));
  }
  return null;
}

/** The inside of one quoted string; anything else as it is. */
export function unquoted(text: string): string {
  if (text.length < 2 || !text.startsWith('"')) return text;
  let inside = '';
  for (let i = 1; i < text.length; i++) {
    if (text[i] === '"') return i === text.length - 1 ? inside : text;
    if (text[i] === '\\') i++;
    inside += text[i] ?? '';
  }
  return text;
}

/** A whole number from 0 to `most`, in digits alone; -1 when it is none. */
export function wholeNumber(text: string, most: number): number {
  if (text.length === 0 || text.length > 10) return -1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return -1;
  }
  const value = Number(text);
  return value <= most ? value : -1;
}

export const MAX_PORT = 65_535;

/** A host as it is written, without brackets and in lower case: a name or an address. */
export interface HostPort {
  readonly host: string;
  /** 0 when none is written. */
  readonly port: number;
}

/** Longest name of the domain name system (RFC 1035 section 2.3.4). */
const MAX_HOST = 255;

/** `host`, `host:port`, `[2001:db8::1]:port`, with blanks around the colon; null when it is something else, also with port 0. */
export function readHostPort(text: string): HostPort | null {
  const isBracketed = text.startsWith('[');
  const hostEnd = isBracketed ? text.indexOf(']') : text.indexOf(':');
  const host = trimBlanks(hostEnd < 0 ? text : text.slice(isBracketed ? 1 : 0, hostEnd)).toLowerCase();
  if (isBracketed && hostEnd < 0) return null;
  if (host.length === 0 || host.length > MAX_HOST) return null;
  if (!(isBracketed ? /^[\da-f:.]+$/ : /^[\w.-]+$/).test(host)) return null;
  const rest = hostEnd < 0 ? '' : trimBlanks(text.slice(isBracketed ? hostEnd + 1 : hostEnd));
  if (rest === '') return { host, port: 0 };
  const port = rest.startsWith(':') ? wholeNumber(trimBlanks(rest.slice(1)), MAX_PORT) : -1;
  return port <= 0 ? null : { host, port };
}
