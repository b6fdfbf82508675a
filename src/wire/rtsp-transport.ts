/** Transport of RTSP (RFC 2326 section 12.39, RFC 7826 section 18.54): by which protocol, from where and to where media go. */
import { MAX_PORT, parameterOf, readHostPort, splitOutside, trimBlanks, wholeNumber } from './text-values.js';

/** Alternatives that are kept. */
export const MAX_TRANSPORTS = 8;
const MAX_PARAMETERS = 64;

/** Two numbers that belong together: of RTP and of RTCP. */
export interface RtspPair {
  readonly first: number;
  readonly second: number;
}

export interface RtspTransport {
  /** UDP, or TCP: among the messages (`interleaved`), or with RFC 7826 a connection of its own. */
  readonly protocol: 'UDP' | 'TCP';
  /** RTP/AVP, RTP/SAVPF, ...: upper case, without the lower protocol. */
  readonly profile: string;
  readonly isMulticast: boolean;
  /** null when it is not told. Ports of the client, of the server; of a multicast group (`port`); channels. */
  readonly clientPorts: RtspPair | null;
  readonly serverPorts: RtspPair | null;
  readonly groupPorts: RtspPair | null;
  readonly channels: RtspPair | null;
  /** Where the server sends from and to, as written; '' when it is not told: the ends of the connection. */
  readonly source: string;
  readonly destination: string;
  /** RTP and RTCP by one port (RFC 7826 section 18.54). */
  readonly isMuxed: boolean;
}

/** Adds what a field has, in its order. What is not known is left out. */
export function readTransports(before: readonly RtspTransport[], value: string): readonly RtspTransport[] {
  const added = splitOutside(value, ',', MAX_TRANSPORTS).map(readTransport);
  return [...before, ...added.filter((one) => one !== null)].slice(0, MAX_TRANSPORTS);
}

function readTransport(text: string): RtspTransport | null {
  const [specifier, ...parameters] = splitOutside(text, ';', MAX_PARAMETERS);
  const [transport, profile, lower = 'UDP', ...more] = specifier.toUpperCase().split('/', 4);
  if (profile === undefined || more.length > 0 || !/^[\w-]+$/.test(transport) || !/^[\w-]+$/.test(profile))
    return null;
  if (lower !== 'UDP' && lower !== 'TCP') return null;
  const pair = (name: string, least: number, most: number): RtspPair | null =>
    readPair(parameterOf(parameters, name), least, most);
  const to = readAddresses(parameterOf(parameters, 'dest_addr'));
  const from = readAddresses(parameterOf(parameters, 'src_addr'));
  return {
    protocol: lower,
    profile: `${transport}/${profile}`,
    // Left out it means multicast by the book; who leaves it out means unicast.
    isMulticast: parameterOf(parameters, 'multicast') !== null,
    clientPorts: pair('client_port', 1, MAX_PORT) ?? to.ports,
    serverPorts: pair('server_port', 1, MAX_PORT) ?? from.ports,
    groupPorts: pair('port', 1, MAX_PORT),
    channels: pair('interleaved', 0, MAX_CHANNEL),
    source: readHost(parameterOf(parameters, 'source')) || from.host,
    destination: readHost(parameterOf(parameters, 'destination')) || to.host,
    isMuxed: parameterOf(parameters, 'rtcp-mux') !== null,
  };
}

const MAX_CHANNEL = 255;

/** `4588-4589`, or one number: the second is the next one, as it is with a pair. */
function readPair(text: string | null, least: number, most: number): RtspPair | null {
  if (text === null) return null;
  const dash = text.indexOf('-');
  const first = wholeNumber(trimBlanks(dash < 0 ? text : text.slice(0, dash)), most);
  const second = dash < 0 ? Math.min(first + 1, most) : wholeNumber(trimBlanks(text.slice(dash + 1)), most);
  return first < least || second < least ? null : { first, second };
}

/** As an address or name alone. */
function readHost(text: string | null): string {
  if (text === null) return '';
  const isBare = text.includes(':') && !text.startsWith('[');
  return readHostPort(isBare ? `[${text}]` : text)?.host ?? '';
}

interface Addresses {
  readonly host: string;
  readonly ports: RtspPair | null;
}

const NOWHERE: Addresses = { host: '', ports: null };

/** `":3456"/":3457"`, `"192.0.2.5:9000"/"192.0.2.5:9001"`, one alone with RTCP by the same port. The host of the first counts. */
function readAddresses(text: string | null): Addresses {
  if (text === null) return NOWHERE;
  const [first, second = first] = splitOutside(text, '/', 2).map((quoted) =>
    readAddress(quoted.replaceAll('"', '')),
  );
  if (first === null || second === null) return NOWHERE;
  const ports = first.port > 0 && second.port > 0 ? { first: first.port, second: second.port } : null;
  return { host: first.host, ports };
}

function readAddress(text: string): { readonly host: string; readonly port: number } | null {
  if (!text.startsWith(':')) return readHostPort(text);
  const port = wholeNumber(text.slice(1), MAX_PORT);
  return port < 0 ? null : { host: '', port };
}
