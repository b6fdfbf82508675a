/** A decision about one new connection, and the attempts of its race. */
import { z } from 'zod';
import { count, mark, next, number, said, text, texts, time } from './common.js';
import { RouteState } from './route.js';

export const AttemptReport = z
  .object({
    route: text('A route that was asked.'),
    rttMicros: count(
      'Microseconds from its copy to its answer; absent: there was none, or it cannot be told.',
    ).exactOptional(),
    answer: text(
      '`syn-ack`, `rst`, of datagrams `answer`, `no`; `icmp TYPE/CODE`, `icmpv6 TYPE/CODE`, `silence`, `not-sent`, `failed`, `waited` (its turn did not come).',
    ),
    sentMicros: number(
      'When its copy left, or was to leave, from the begin of the race; negative: the kernel had given it the connection before.',
    ).exactOptional(),
    answeredMicros: number(
      'When its yes came, from the begin of the race; absent: none did.',
    ).exactOptional(),
    copies: count('Copies that left, where there was more than one.').exactOptional(),
    trial: mark('It was down or in doubt, and asked only to measure it: it could not win.'),
    intercepted: mark(
      'As far as can be told its answer came from something on the way (a provider’s proxy), not from the server.',
    ),
  })
  .meta({ id: 'AttemptReport', description: 'What one route did in a race.' });

export const PassedService = z
  .object({
    service: text('A service that comes before the one that took it.'),
    why: text('Why it did not match, in words.'),
  })
  .meta({ id: 'PassedService' });

export const DecisionMemory = z
  .object({
    route: text('The route that memory chose.'),
    ageSeconds: number('How old the measurement was then.'),
  })
  .meta({ id: 'DecisionMemory' });

export const DecisionPin = z
  .object({
    route: text('The route on which the next ones stay.'),
    until: said(
      z.string().nullable(),
      'Until when; of a group or tunnel, unless it is used again. ISO 8601, UTC; null: not known.',
    ),
    by: said(
      z.enum(['group', 'command', 'tunnel', 'control']),
      '`group`: connections that stay together (`affinity`). `command`: the destination is held by command. `tunnel`: IKE, ESP, AH, GRE and PPTP between the two. `control`: what a call, a stream or a transfer has announced goes with it.',
    ),
    group: text(
      'What makes the group: `client`, `client+destination`, `client+prefix`, `client+site`.',
    ).exactOptional(),
  })
  .meta({
    id: 'DecisionPin',
    description:
      'What holds the next connections of this kind, as it is now; `why` and `what-if` alone know it of groups, tunnels and calls.',
  });

export const DecisionLead = z
  .object({
    over: text('The next fastest route.'),
    micros: number(
      'By how much earlier than it the winner’s answer came, microseconds from the begin of the race.',
    ),
  })
  .meta({ id: 'DecisionLead', description: 'What won by how much.' });

export const Decision = z
  .object({
    id: said(
      z.number(),
      'Number of the decision: it counts from the start of the race thread; absent: nobody has noted it.',
    ).exactOptional(),
    time: time('When it was decided; of an open connection that nobody has noted, when it was looked at.'),
    by: said(
      z.enum(['race', 'daemon', 'kernel']),
      '`race`: copies. `daemon`: without copies. `kernel`: by the kernel alone, or longer ago than is remembered.',
    ).exactOptional(),
    protocol: text('`tcp`, `udp`, `icmp`, `icmpv6`, or a number.').exactOptional(),
    service: said(z.string().nullable(), 'The service that took it; null: none.').exactOptional(),
    open: mark('It is open now.'),
    client: text('Address and port of the client.'),
    destination: text('Address and port of the destination.'),
    route: said(z.string().nullable(), 'The route that carries it; null: none could.'),
    criterion: text('How its service chooses, or `single` where it could not.'),
    reasons: texts('Why, in the words of docs/json.md.'),
    routes: said(z.array(AttemptReport), 'The attempts, in the order of the routes.'),
    fastPath: mark('Its packets pass by the rules now, in a flowtable.'),
    states: said(
      z.record(z.string(), RouteState),
      'State of each route at that time, for the family of the connection.',
    ).exactOptional(),
    memory: said(DecisionMemory, 'What memory said, where it decided.').exactOptional(),
    lead: DecisionLead.exactOptional(),
    pin: DecisionPin.exactOptional(),
    passed: said(
      z.array(PassedService),
      'Services before it that did not match, and why, by the configuration in force now; told by `why` alone.',
    ).exactOptional(),
  })
  .meta({ id: 'Decision', description: 'One decision about one new connection.' });

/** What `outcome` can ask for. */
export const OUTCOMES = ['won', 'failed', 'single'] as const;

export const DecisionPage = z
  .object({
    decisions: said(z.array(Decision), 'Newest first.'),
    next,
    oldest: said(z.string().nullable(), 'When the oldest that is remembered was made; null: there is none.'),
  })
  .meta({ id: 'DecisionPage' });
