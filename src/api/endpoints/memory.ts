/** What is remembered of destinations: shown, searched, forgotten; and destinations held on a route by command. */
import { z } from 'zod';
import { DEFAULT_MEMORY_LIMIT, MAX_MEMORY_LIMIT } from '../paths.js';
import { addressAsked, nameAsked, prefixAsked, said } from '../schemas/common.js';
import { ForgetReport, MemoryEntry, Pin, PinOrder, UnpinReport } from '../schemas/memory.js';
import { endpoints } from './endpoint.js';

export const MEMORY_ENDPOINTS = endpoints({
  'GET /v1/memory': {
    id: 'memory',
    tag: 'memory',
    summary: 'Destinations that are remembered, by last use, newest first.',
    role: 'read',
    query: z.strictObject({
      limit: said(z.int().min(1).max(MAX_MEMORY_LIMIT), 'At most so many.').default(DEFAULT_MEMORY_LIMIT),
      prefix: prefixAsked(
        'Those within this prefix, and the one that it is within; or an address.',
      ).exactOptional(),
      best: nameAsked('Those for which memory would choose this route.').exactOptional(),
      trusted: said(
        z.boolean(),
        'Those by which new connections go now without a race, or the others.',
      ).exactOptional(),
    }),
    answer: z.array(MemoryEntry),
    isLong: true,
  },
  'DELETE /v1/memory': {
    id: 'forget',
    tag: 'memory',
    summary: 'Forgets destinations: the next connection to each is raced again.',
    description: 'Either `prefix` (an address, too) or `all=true`. Connections that live go on.',
    role: 'operate',
    query: z.strictObject({
      prefix: prefixAsked(
        'Those within this prefix, and the one that it is within; or an address.',
      ).exactOptional(),
      all: said(z.literal(true), 'All of them.').exactOptional(),
    }),
    answer: ForgetReport,
    isLong: true,
  },
  'GET /v1/memory/pins': {
    id: 'pins',
    tag: 'memory',
    summary: 'Destinations that are held on a route by command.',
    role: 'read',
    query: z.strictObject({}),
    answer: z.array(Pin),
  },
  'POST /v1/memory/pins': {
    id: 'pin',
    tag: 'memory',
    summary: 'Holds a destination on a route until a time.',
    description:
      'New connections to it that a service with `race` takes go by this route while it can carry them, whatever is measured; what other criteria choose is left to them. One that the route leaves unanswered is rescued by the others.',
    role: 'operate',
    query: z.strictObject({}),
    body: { media: 'application/json', schema: PinOrder },
    answer: Pin,
    isLong: true,
  },
  'DELETE /v1/memory/pins': {
    id: 'unpin',
    tag: 'memory',
    summary: 'Lets destinations go that were held on a route.',
    description: 'Either `destination` or `all=true`.',
    role: 'operate',
    query: z.strictObject({
      destination: addressAsked('An IPv4 or IPv6 address.').exactOptional(),
      all: said(z.literal(true), 'All of them.').exactOptional(),
    }),
    answer: UnpinReport,
    isLong: true,
  },
});
