/** What would happen to a new connection now. */
import { z } from 'zod';
import { WHAT_IF_PROTOCOLS } from '../words/protocols.js';
import { flag, mark, number, said, text, texts, time } from './common.js';
import { DecisionPin, PassedService } from './decision.js';
import { MemoryEntry } from './memory.js';
import { RouteState } from './route.js';

/** Six bits (RFC 2474). */
export const MAX_DSCP = 63;

export const WhatIfRoute = z
  .object({
    route: text('A route of the service.'),
    state: said(RouteState, 'Its state for this family.'),
    part: said(
      z.enum(['carries', 'may-carry', 'races', 'waits', 'measured', 'left-out']),
      '`carries`: it gets the connection. `may-carry`: one of those gets it. `races`: a copy leaves by it at once. `waits`: a copy leaves by it later, unless the race is over by then. `measured`: it is asked too, and cannot win. `left-out`: nothing is sent by it.',
    ),
    why: text('Why, in words.'),
    afterMicros: number('Of `waits`: when its copy would leave, from the begin of the race.').exactOptional(),
    share: number('Where the kernel takes turns: its share of new connections, 0 to 1.').exactOptional(),
  })
  .meta({ id: 'WhatIfRoute' });

export const WhatIfOutcome = z
  .object({
    destination: text('Address, and port where there is one.'),
    service: said(z.string().nullable(), 'The service that would take it; null: none, the rest route does.'),
    passed: said(z.array(PassedService), 'Services before it that do not match, and why.'),
    criterion: text('How the service chooses, or `rest`.'),
    by: said(
      z.enum(['kernel', 'daemon', 'race', 'main-table']),
      '`kernel`: alone, no packet reaches the daemon. `daemon`: it chooses, without copies. `race`: copies decide. `main-table`: it is none of the gateway’s connections.',
    ),
    action: said(
      z.enum([
        'race',
        'memory',
        'pin',
        'group',
        'tunnel',
        'follow',
        'turns',
        'hash',
        'one',
        'criterion',
        'rest',
        'single',
        'refused',
        'not-ours',
      ]),
      '`race`: copies leave by the routes that `races` and `waits` name. `memory`: what is remembered decides. `pin`: it is held by command. `group`: it stays with its group. `tunnel`: it stays with the tunnel of its client and server. `follow`: it stays with the call, stream or transfer that has announced it. `turns`, `hash`, `one`: the kernel, among the routes that may carry it. `criterion`: the daemon, by the criterion. `rest`: the rest route. `single`: one route, since it must not be raced; a rule of the operator’s, for one, keeps it from that. `refused`: no route can carry it. `not-ours`: it does not pass the gateway’s rules.',
    ),
    route: said(
      z.string().nullable(),
      'The route that would carry it; null: only a race or the kernel’s turn will tell.',
    ),
    reasons: texts('Why, in the words of docs/json.md.'),
    text: text('The same as a sentence.'),
    routes: said(z.array(WhatIfRoute), 'Each route of the service.'),
    memory: said(MemoryEntry.nullable(), 'What is remembered of the destination; null: nothing.'),
    pin: said(DecisionPin.nullable(), 'What holds it on a route; null: nothing.'),
    mayMeasure: mark(
      'Now and then such a connection is raced all the same, to measure again (`memory.refresh`).',
    ),
    notes: texts('What this could not take into account, in words.'),
  })
  .meta({ id: 'WhatIfOutcome' });

export const WhatIf = z
  .object({
    time: time('The moment of which it holds.'),
    client: text('Address of the client.'),
    destination: text('What was asked about: an address or a name.'),
    port: said(z.number().nullable(), 'Port of the destination; null: any that no rule names.'),
    protocol: z.enum(WHAT_IF_PROTOCOLS),
    dscp: number('DSCP of its packets; 0 unless it was said.'),
    isName: flag('Whether it is a name that was looked up.'),
    outcomes: said(z.array(WhatIfOutcome), 'One for the address, or for each address of the name.'),
  })
  .meta({
    id: 'WhatIf',
    description: 'What would happen to a new connection now. Nothing is sent, nothing changes.',
  });
