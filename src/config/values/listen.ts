/** Readers of what the API listens at, and of the names that it is called by. */
import { formatAddress, parseAddress } from '../../model/address.js';
import type { ListenAddress } from '../../model/config.js';
import { bad, type Parsed } from '../parsed.js';
import { listOf } from './lists.js';
import { clip, parseText } from './texts.js';

export const MAX_LISTEN = 8;
export const MAX_HOSTS = 16;
export const LISTEN_ALLOWED = `an address with a port, such as \`127.0.0.1:8088\` or \`"[::1]:8088"\`, or a list of at most ${MAX_LISTEN}`;
export const HOSTS_ALLOWED = `a host name without a port, or a list of at most ${MAX_HOSTS}`;

/** Canonical text. */
function parseListenAddress(raw: unknown): Parsed<string> {
  const text = parseText(raw);
  if (!('value' in text)) return text;
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text.value);
  const address = parseAddress(found?.[1] ?? found?.[2] ?? '');
  const port = Number(found?.[3]);
  if (found === null || address === null || port < 1 || port > 65_535)
    return bad('Not an address with a port.');
  return { value: formatListen({ address: formatAddress(address), port }) };
}

/** A label begins and ends with a letter or digit (RFC 1123). */
const HOST = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

function parseHost(raw: unknown): Parsed<string> {
  const text = parseText(raw);
  if (!('value' in text)) return text;
  const name = text.value.toLowerCase();
  return HOST.test(name) ? { value: name } : bad(`${clip(text.value)} is not a host name.`);
}

/** One or a list. */
export const parseListen = listOf({ noun: 'address', max: MAX_LISTEN, one: parseListenAddress });
export const parseHosts = listOf({ noun: 'host', max: MAX_HOSTS, one: parseHost });

/** Of its canonical text. */
export function readListen(text: string): ListenAddress {
  const at = text.lastIndexOf(':');
  return { address: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}

export function formatListen({ address, port }: ListenAddress): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Whether only this machine can reach it. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^127\./.test(address);
}
