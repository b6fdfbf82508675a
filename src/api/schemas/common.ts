/** Values that many schemas have: names, addresses, times, counts. */
import { z } from 'zod';

/** The value with what it says. */
export function said<T extends z.ZodType>(schema: T, description: string): T {
  return schema.meta({ description });
}

export const text = (description: string) => said(z.string(), description);
export const texts = (description: string) => said(z.array(z.string()), description);
export const flag = (description: string) => said(z.boolean(), description);
/** Present and true, or absent. */
export const mark = (description: string) => said(z.literal(true), description).exactOptional();
export const number = (description: string) => said(z.number(), description);
export const count = (description: string) => said(z.number().min(0), description);
/** ISO 8601, UTC. */
export const time = (description: string) => said(z.string().meta({ format: 'date-time' }), description);

/** Counters by their words; those that are 0 may be left out. */
export const counts = (description: string) => said(z.record(z.string(), z.number()), description);

/** The longest text of an IPv6 address has 45 characters. */
const MAX_ADDRESS_TEXT = 45;
/** An address, a slash and three digits. */
const MAX_PREFIX_TEXT = 49;
/** Of a host (RFC 1035), or an address. */
const MAX_NAME_TEXT = 253;
/** Of a route or service. */
const MAX_LABEL_TEXT = 32;

export const addressAsked = (description: string) =>
  said(z.string().min(2).max(MAX_ADDRESS_TEXT), description);
export const prefixAsked = (description: string) => said(z.string().min(2).max(MAX_PREFIX_TEXT), description);
export const hostAsked = (description: string) => said(z.string().min(1).max(MAX_NAME_TEXT), description);
export const nameAsked = (description: string) => said(z.string().min(1).max(MAX_LABEL_TEXT), description);
export const portAsked = (description: string) => said(z.int().min(1).max(65_535), description);

export const PROTOCOLS = ['tcp', 'udp', 'icmp', 'icmpv6'] as const;

/** Of lists that come in pages. */
export const MAX_CURSOR_TEXT = 200;
export const cursorAsked = said(
  z.string().min(1).max(MAX_CURSOR_TEXT),
  'Where the page before ended: its `next`. It holds for the same question and the same run of the gateway.',
);
export const next = said(z.string().nullable(), 'Cursor of the next page; null: this was the last one.');
