/** A route: its state, why, and what it has carried. */
import { z } from 'zod';
import { QUOTA_ACTIONS } from '../../model/config.js';
import { ROUTE_COMMANDS } from '../paths.js';
import { count, flag, number, said, text, texts, time } from './common.js';

export const ROUTE_STATES = ['up', 'suspect', 'down', 'draining', 'disabled'] as const;

export const RouteState = z.enum(ROUTE_STATES).meta({
  id: 'RouteState',
  description:
    '`up`: new connections use it. `suspect`: it did not answer lately, or has just come back; races may use it, memory and criteria do not. `down`: not used. `draining`: keeps what it has, takes nothing new. `disabled`: not used by command.',
});

export const RouteCommand = z.enum(ROUTE_COMMANDS).meta({ id: 'RouteCommand' });

export const QuotaStatus = z
  .object({
    used: count('Bytes of the billing period, both directions.'),
    bytes: said(z.number().nullable(), 'Bytes that it may have in a period; null: no quota.'),
    action: said(
      z.enum(QUOTA_ACTIONS),
      'What happens when it is used up; absent without a quota.',
    ).exactOptional(),
    day: number('Day of the month on which a period begins; absent without a quota.').exactOptional(),
    since: time('When the period has begun; absent while no date is known.').exactOptional(),
    until: time('When the next one begins; absent while no date is known.').exactOptional(),
    zone: text('Of the midnight at which periods begin, such as `Europe/Berlin`.').exactOptional(),
    spent: flag('Whether it is used up.').exactOptional(),
  })
  .meta({ id: 'QuotaStatus', description: 'What is used of the billing period, and the quota.' });

const Rates = z.object({
  in: count('Bits per second from the provider.'),
  out: count('Bits per second to the provider.'),
});

export const RouteStatus = z
  .object({
    name: text('Name of the route.'),
    state: RouteState,
    reasons: texts('Why, in the words of docs/json.md; a family first where only that is meant.'),
    since: time('Since when it is in this state.'),
    interface: text('Its network interface.'),
    addresses: texts('Source addresses of its connections now.'),
    gateways: texts('Its next hops.'),
    attempts: count('Copies of first packets that were sent by it, since the start.'),
    wins: count('Races that it has won, since the start.'),
    losses: count('Answers that came after another route had won, and refusals, since the start.'),
    connections: count('Living connections that it carries now.'),
    traffic: said(Rates, 'Traffic of the last second.'),
    quota: QuotaStatus,
    rescues: count('Connections that it left unanswered and another route took over, since the start.'),
    check: said(
      z.object({
        ok: flag('Whether its own checks succeed.'),
        rttMicros: said(
          z.number().nullable(),
          'Microseconds that the last answer took; null: there is none.',
        ),
        lastOk: said(z.string().nullable(), 'When one succeeded last. ISO 8601, UTC; null: never.'),
      }),
      'The route’s own checks: absent without any.',
    ).exactOptional(),
    pathMtu: said(
      z.object({
        ipv4: number('Bytes of the largest IPv4 packet.').optional(),
        ipv6: number('Bytes of the largest IPv6 packet.').optional(),
      }),
      'Largest packet that passes: absent where nothing smaller than the interface’s MTU was found.',
    ).exactOptional(),
    portUse: number('Share of the ports in use towards the server that has most; 1 is all of them.'),
  })
  .meta({ id: 'RouteStatus' });

export const RouteLane = z
  .object({
    family: said(z.enum(['ipv4', 'ipv6']), 'The family of which the rest is said.'),
    carries: flag('Whether a packet of the family can leave by it now: link, address, next hop.'),
    addresses: texts('Source addresses of the family.'),
    gateway: said(z.string().nullable(), 'The next hop; null: none is known, or none is needed.'),
    state: said(z.enum(['up', 'suspect', 'down']), 'What its traffic, its checks and its next hop say.'),
    reason: text('Why, in the words of docs/json.md.'),
    since: time('Since when.'),
  })
  .meta({
    id: 'RouteLane',
    description: 'What is known of one family of a route: the evidence for its state.',
  });

export const RouteSample = z
  .object({
    time: time('End of the time that it sums up.'),
    state: RouteState,
    attempts: count('Copies sent in that time.'),
    wins: count('Races won in that time.'),
    losses: count('Races lost in that time, and refusals.'),
    rescues: count('Connections that others had to take over in that time.'),
    connections: count('Living connections at its end.'),
    in: count('Bits per second from the provider, mean.'),
    out: count('Bits per second to the provider, mean.'),
    rttMicros: said(
      z.number().nullable(),
      'Mean time from a copy to its answer, microseconds; null: nothing was answered in that time.',
    ),
  })
  .meta({ id: 'RouteSample' });

export const RouteDetail = RouteStatus.extend({
  lastResort: flag('Whether it is used only while no other route can be.'),
  weight: number('Its `weight`.'),
  cost: said(z.number(), 'Its `cost` of a gigabyte.'),
  capacity: said(z.number().nullable(), 'Its `capacity`, bits per second; null: not said.'),
  evidence: said(z.array(RouteLane), 'By family: what its state follows from.'),
  seconds: said(z.array(RouteSample), 'The last two minutes, a sample each second, the oldest first.'),
  minutes: said(z.array(RouteSample), 'The last two hours, a sample each minute, the oldest first.'),
  services: texts('Services that may choose it.'),
  pins: count('Destinations that are held on it by command.'),
}).meta({
  id: 'RouteDetail',
  description: 'A route with the evidence for its state, and its counters over time.',
});

export const CutReport = {
  cut: count('Connections that were cut by now.'),
  left: count('Those that are still to be cut; absent when there are none.').exactOptional(),
};

export const RouteCommandReport = z
  .object({ route: text('The route.'), state: RouteState, ...CutReport })
  .meta({ id: 'RouteCommandReport' });
