/** A living connection, as the kernel's table has it. */
import { z } from 'zod';
import { mark, next, said, text } from './common.js';
import { Decision } from './decision.js';

export const Flow = z
  .object({
    protocol: text('`tcp`, `udp`, `icmp`, `icmpv6`, or a number.'),
    client: text('Address and port of the client.'),
    destination: text('Address and port of the destination.'),
    route: said(
      z.string().nullable(),
      'The route that carries it; null: a route that is not configured any more.',
    ),
    service: said(z.string().nullable(), 'The service that took it; null: none.'),
    reason: text('How it came to its route, in the words of docs/json.md.'),
    fastPath: mark('Its packets pass by the rules now, in a flowtable.'),
    decision: said(
      Decision.nullable(),
      'The decision that chose its route; null: the kernel alone did, or it is longer ago than is remembered.',
    ),
  })
  .meta({ id: 'Flow', description: 'A living connection, with its route and the decision that chose it.' });

export const FlowPage = z
  .object({
    flows: said(
      z.array(Flow),
      'In the order of the kernel’s table, which is none; one that begins or ends meanwhile may be missing.',
    ),
    next,
    time: text('When they were looked at. ISO 8601, UTC.'),
  })
  .meta({ id: 'FlowPage' });
