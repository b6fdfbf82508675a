/** What is remembered of destinations, and what is held by command. */
import { z } from 'zod';
import { addressAsked, count, flag, nameAsked, number, said, text, time } from './common.js';

export const MemoryRoute = z
  .object({
    rttMicros: said(
      z.number().nullable(),
      'Microseconds that the route took, of `slow` at most; null: there was no answer, or it cannot be told.',
    ),
    ageSeconds: number('How long ago that was.'),
    answer: text('`answered`, `retransmitted`, `slow`, `intercepted`, `failed`, `silent`.'),
  })
  .meta({ id: 'MemoryRoute' });

export const MemoryEntry = z
  .object({
    destination: text('Address, or prefix where several addresses make one destination.'),
    of: said(
      z.enum(['connections', 'quic', 'dns', 'datagrams', 'first-payloads']),
      'What took these times: the first reply to a connection, to a QUIC Initial, to a DNS question, to another datagram that asks (STUN, NTP), or the first payload. Each has entries of its own.',
    ),
    routes: said(z.record(z.string(), MemoryRoute), 'By route.'),
    best: said(z.string().nullable(), 'The route that memory would choose; null: none has answered.'),
    trusted: flag(
      'Whether a new connection would go by it now, without a race: enough routes were heard of, lately enough.',
    ),
  })
  .meta({ id: 'MemoryEntry' });

export const ForgetReport = z
  .object({ forgotten: count('Destinations that were forgotten.') })
  .meta({ id: 'ForgetReport' });

export const Pin = z
  .object({
    destination: text('The address, or the prefix where several addresses make one destination.'),
    route: text('The route on which it is held.'),
    until: time('Until when.'),
  })
  .meta({ id: 'Pin', description: 'A destination that is held on a route until a time, by command.' });

/** As long as anybody waits for a provider to mend its network. */
export const MAX_PIN_SECONDS = 30 * 86_400;

export const PinOrder = z
  .strictObject({
    destination: addressAsked('An IPv4 or IPv6 address.'),
    route: nameAsked('The route that new connections to it shall take while it can carry them.'),
    seconds: said(z.int().min(1).max(MAX_PIN_SECONDS), 'For how long from now on.'),
  })
  .meta({ id: 'PinOrder' });

export const UnpinReport = z
  .object({ unpinned: count('Pins that were taken away.') })
  .meta({ id: 'UnpinReport' });
