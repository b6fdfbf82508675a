/** What a route asks to know whether it works, in one line each: `ping 192.0.2.1`, `dns 192.0.2.53 example.com`. */
import { isIP } from 'node:net';
import type { CheckTarget, ExpectedPage } from '../../model/config.js';
import { bad, type Mistake, type Parsed } from '../parsed.js';
import { canonicalAddress, whyUnusable } from './addresses.js';
import { parseDomain } from './domains.js';
import { parsePort } from './ports.js';
import { clip, MISSING } from './texts.js';

export const MAX_TARGETS = 16;
export const TARGETS_ALLOWED = `"ping ADDRESS", "tcp ADDRESS:PORT", "http://ADDRESS/PATH", the same with " host NAME" or " expect STATUS" or " expect STATUS TEXT", "dns ADDRESS NAME", or a list of at most ${MAX_TARGETS}; an IPv6 address before a port stands in brackets`;

export function parseTargets(raw: unknown): Parsed<readonly CheckTarget[]> {
  if (raw === undefined || raw === null) return bad(MISSING);
  const items: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
  if (items.length === 0) return bad('The list is empty.');
  if (items.length > MAX_TARGETS) return bad('The list is too long.', `at most ${MAX_TARGETS} in a list`);
  const targets = new Map<string, CheckTarget>(); // BOUNDED: MAX_TARGETS.
  const problems: Mistake[] = []; // BOUNDED: MAX_TARGETS.
  items.forEach((item, index) => {
    const path = Array.isArray(raw) ? [index] : [];
    const target = parseTarget(item);
    if (typeof target === 'string') problems.push({ path, message: target });
    else if (targets.has(formatTarget(target)))
      problems.push({ path, message: 'The target is there twice.' });
    else targets.set(formatTarget(target), target);
  });
  return problems.length > 0 ? { problems } : { value: [...targets.values()] };
}

/** As it would stand in the file. */
export function formatTarget(target: CheckTarget): string {
  const { kind, address } = target;
  if (kind === 'ping') return `ping ${address}`;
  const bracketed = address.includes(':') ? `[${address}]` : address;
  if (kind === 'tcp') return `tcp ${bracketed}:${target.port}`;
  if (kind === 'dns') {
    const place = target.port === DNS_PORT ? address : `${bracketed}:${target.port}`;
    return `dns ${place} ${target.name}`;
  }
  const authority = authorityOf(address, target.port);
  const host = target.host === authority ? '' : ` host ${target.host}`;
  const { expect } = target;
  const text = expect?.text == null ? '' : ` ${expect.text}`;
  return `http://${authority}${target.path}${host}${expect === undefined ? '' : ` expect ${expect.status}${text}`}`;
}

/** The target, or what is wrong with it. */
function parseTarget(item: unknown): CheckTarget | string {
  const words = typeof item === 'string' ? item.trim().split(/\s+/) : [];
  const [kind = '', ...rest] = words;
  if (kind === 'http') return parseHttp(rest);
  if (/^https:/i.test(kind))
    return 'An http target is asked without TLS; "tcp ADDRESS:443" asks for a connection.';
  if (/^http:/i.test(kind)) return parseHttp(words);
  if (kind === 'ping') return parsePing(rest);
  if (kind === 'tcp') return parseTcp(rest);
  return kind === 'dns' ? parseDns(rest) : 'Not a target.';
}

function parsePing(words: readonly string[]): CheckTarget | string {
  if (words.length !== 1) return 'Not "ping ADDRESS".';
  const place = parsePlace(words[0], 'none');
  return typeof place === 'string' ? place : { kind: 'ping', address: place.address };
}

function parseTcp(words: readonly string[]): CheckTarget | string {
  if (words.length !== 1) return 'Not "tcp ADDRESS:PORT".';
  const place = parsePlace(words[0], 'needed');
  return typeof place === 'string' ? place : { kind: 'tcp', ...place };
}

const DNS_PORT = 53;

function parseDns(words: readonly string[]): CheckTarget | string {
  if (words.length !== 2) return 'Not "dns ADDRESS NAME".';
  const place = parsePlace(words[0], DNS_PORT);
  if (typeof place === 'string') return place;
  const name = parseDomain(words[1]);
  return 'value' in name ? { kind: 'dns', ...place, name: name.value } : name.problems[0].message;
}

const HTTP_PORT = 80;

/** `URL`, `URL host NAME`, either with `expect STATUS` or `expect STATUS TEXT` behind it. */
function parseHttp(all: readonly string[]): CheckTarget | string {
  const at = all.indexOf('expect');
  const words = at < 0 ? all : all.slice(0, at);
  if (words.length !== 1 && (words.length !== 3 || words[1] !== 'host')) {
    return 'Not "http://ADDRESS/PATH" or the same with " host NAME" or " expect STATUS".';
  }
  const expect = at < 0 ? null : parseExpected(all.slice(at + 1));
  if (typeof expect === 'string') return expect;
  const match = /^http:\/\/([^/?#]+)(\/[\x21-\x7e]*|\?[\x21-\x7e]*)?$/i.exec(words[0]);
  if (match === null || words[0].includes('#')) return 'Not a URL such as http://192.0.2.1/.';
  if (words[0].length > 1024) return 'The URL is too long.';
  const place = parsePlace(match[1], HTTP_PORT);
  if (typeof place === 'string') return place;
  const path = match[2] ?? '/';
  const host = words.length === 3 ? parseHost(words[2]) : authorityOf(place.address, place.port);
  if (host === undefined) return `${clip(words[2])} is not the name of a host.`;
  const page = { kind: 'http', ...place, host, path: path.startsWith('/') ? path : `/${path}` } as const;
  return expect === null ? page : { ...page, expect };
}

const MAX_TEXT = 256;

function parseExpected([status = '', ...words]: readonly string[]): ExpectedPage | string {
  if (!/^[1-5]\d\d$/.test(status)) return `${clip(status)} is not an HTTP status such as 204.`;
  const text = words.join(' ');
  if (text.length > MAX_TEXT) return 'The text is too long.';
  return { status: Number(status), text: text === '' ? null : text };
}

/** What a Host header may say: a name with or without a port. */
function parseHost(text: string): string | undefined {
  const [name, port, ...more] = text.split(':');
  const domain = parseDomain(name);
  if (!('value' in domain) || more.length > 0) return undefined;
  if (port === undefined) return domain.value;
  return parsePort(port) === undefined ? undefined : `${domain.value}:${Number(port)}`;
}

/** RFC 9110 section 7.2: the port is left out where it is the usual one. */
function authorityOf(address: string, port: number): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return port === HTTP_PORT ? host : `${host}:${port}`;
}

/** `192.0.2.1:80`, `[2001:db8::1]:80`, `2001:db8::1`. `port`: the usual one, or whether one must or must not be there. */
function parsePlace(text: string, port: number | 'needed' | 'none'): Place | string {
  const bareIpv6 = !text.includes('[') && text.split(':').length > 2;
  const match =
    /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(text) ??
    (bareIpv6 ? /^(.*)$/ : /^([^:]*)(?::(\d{1,5}))?$/).exec(text);
  if (match === null) return `${clip(text)} is not an address.`;
  const [, address, written] = match;
  const wrong = whyUnusable(address, false);
  if (wrong !== undefined) {
    const isName = isIP(address) === 0 && 'value' in parseDomain(address);
    return isName ? `${clip(address)} is a name; a check asks addresses only, never a resolver.` : wrong;
  }
  if (written !== undefined && port === 'none') return 'A ping has no port.';
  if (written === undefined && port === 'needed') return 'The port is missing.';
  const number = written === undefined ? (typeof port === 'number' ? port : 0) : parsePort(written);
  return number === undefined
    ? 'Not a port from 1 to 65535.'
    : { address: canonicalAddress(address), port: number };
}

interface Place {
  readonly address: string;
  readonly port: number;
}
