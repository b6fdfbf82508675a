/** Names of the domain name system, as a service or a check names them. */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { bad, type Parsed } from '../parsed.js';
import { listOf } from './lists.js';
import { clip, parseText } from './texts.js';

const MAX_DOMAINS = 256;
export const DOMAINS_ALLOWED = `a domain name such as example.com, which is the same as "*.example.com", or a list of at most ${MAX_DOMAINS}`;

/** Names of a service: each stands for itself and everything below it. */
export const parseDomains = listOf({
  noun: 'domain',
  max: MAX_DOMAINS,
  one: (item) => parseDomain(typeof item === 'string' ? item.replace(/^\*\./, '') : item),
});

/** RFC 1035 section 2.3.4: labels of 63, names of 253 characters. `_` is there for names of services. */
export function parseDomain(raw: unknown): Parsed<string> {
  const text = parseText(raw);
  if (!('value' in text)) return text;
  const name = text.value.replace(/\.$/, '').toLowerCase();
  if (/[^\0-\x7f]/.test(name)) {
    const ascii = name.length > 253 ? '' : domainToASCII(name);
    return bad(`Write the name in its ASCII form${ascii === '' ? '.' : `: ${ascii}.`}`);
  }
  if (isIP(name) !== 0) return bad(`${clip(name)} is an address, not a name.`);
  if (name.length > 253) return bad('The name is too long.', 'at most 253 characters');
  const labels = name.split('.');
  const valid = labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
  if (!valid || /^\d+$/.test(labels.at(-1) ?? '')) return bad(`${clip(text.value)} is not a domain name.`);
  return { value: name };
}
