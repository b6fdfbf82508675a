/** Connections: how each came to its route, those that live, and those that may come. */
import { z } from 'zod';
import { MAX_DECISIONS_ANSWERED, MAX_FLOWS_ANSWERED } from '../paths.js';
import { addressAsked, cursorAsked, hostAsked, nameAsked, portAsked, said } from '../schemas/common.js';
import { Decision, DecisionPage, OUTCOMES } from '../schemas/decision.js';
import { FlowPage } from '../schemas/flow.js';
import { MAX_DSCP, WhatIf } from '../schemas/what-if.js';
import { WHAT_IF_PROTOCOLS } from '../words/protocols.js';
import { endpoints } from './endpoint.js';

const client = addressAsked('Address of the client.').exactOptional();
const route = nameAsked('The route that carries it.').exactOptional();
const service = nameAsked('The service that took it.').exactOptional();
const port = portAsked('Port of the destination.').exactOptional();

const decisionLimit = said(
  z.int().min(1).max(MAX_DECISIONS_ANSWERED),
  'At most so many; 100 unless it is said.',
).exactOptional();

export const CONNECTION_ENDPOINTS = endpoints({
  'GET /v1/why': {
    id: 'why',
    tag: 'connections',
    summary:
      'Why connections use the route that they use: decisions, and connections that are open, newest first.',
    role: 'read',
    query: z.strictObject({
      address: addressAsked('Address of the destination.').exactOptional(),
      port,
      client,
      clientPort: portAsked('Port of the client: with it a single connection is meant.').exactOptional(),
      protocol: said(z.enum(['tcp', 'udp', 'icmp', 'icmpv6']), 'The protocol.').exactOptional(),
      route,
      service,
      limit: decisionLimit,
    }),
    answer: z.array(Decision),
  },
  'GET /v1/what-if': {
    id: 'whatIf',
    tag: 'connections',
    summary: 'What would happen to a new connection now.',
    description:
      'Nothing is sent and nothing changes, no turn advances. A name is looked up as the gateway’s machine does.',
    role: 'read',
    query: z.strictObject({
      client: addressAsked('Address of the client.'),
      destination: hostAsked('Address or name of the destination.'),
      port: said(port, 'Port of the destination; GRE, ESP and AH have none.'),
      protocol: said(z.enum(WHAT_IF_PROTOCOLS), 'The protocol.').default('tcp'),
      dscp: said(
        z.int().min(0).max(MAX_DSCP),
        'DSCP of its packets, for services that match it; 0 unless it is said.',
      ).exactOptional(),
    }),
    answer: WhatIf,
  },
  'GET /v1/decisions': {
    id: 'decisions',
    tag: 'connections',
    summary: 'Decisions that are remembered, newest first, in pages.',
    role: 'read',
    query: z.strictObject({
      destination: addressAsked('Address of the destination.').exactOptional(),
      port,
      client,
      route,
      service,
      outcome: said(
        z.enum(OUTCOMES),
        '`won`: a race gave it a route. `failed`: no route said yes. `single`: it went by one route without a race.',
      ).exactOptional(),
      cursor: cursorAsked.exactOptional(),
      limit: decisionLimit,
    }),
    answer: DecisionPage,
  },
  'GET /v1/flows': {
    id: 'flows',
    tag: 'connections',
    summary: 'Living connections, with their routes and the decisions that chose them, in pages.',
    role: 'read',
    query: z.strictObject({
      destination: addressAsked('Address of the destination.').exactOptional(),
      port,
      client,
      protocol: said(z.enum(['tcp', 'udp', 'icmp', 'icmpv6']), 'The protocol.').exactOptional(),
      route,
      service,
      cursor: cursorAsked.exactOptional(),
      limit: said(z.int().min(1).max(MAX_FLOWS_ANSWERED), 'At most so many.').default(100),
    }),
    answer: FlowPage,
    isLong: true,
  },
});
