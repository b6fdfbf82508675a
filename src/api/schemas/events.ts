/** What the stream of events tells. */
import { z } from 'zod';
import { count, number, said, text, texts, time } from './common.js';
import { Decision } from './decision.js';
import { RouteState } from './route.js';

export const EVENT_NAMES = ['decision', 'route', 'alarm', 'counters'] as const;

export const DecisionEvent = z
  .object({
    decisions: said(z.array(Decision), 'Some of those made since the last such event, the oldest first.'),
    made: count('How many were made in that time.'),
    shown: count('How many of them are shown here.'),
  })
  .meta({
    id: 'DecisionEvent',
    description: '`decision`: a sample, at most four times a second, and only where something was decided.',
  });

export const RouteEvent = z
  .object({
    route: text('The route.'),
    state: RouteState,
    before: said(RouteState.nullable(), 'Its state before; null: it is new.'),
    reasons: texts('Why, in the words of docs/json.md.'),
    since: time('Since when.'),
  })
  .meta({ id: 'RouteEvent', description: '`route`: a route has another state, or another reason for it.' });

export const AlarmEvent = z
  .object({
    alarms: texts('All that are raised now, as in `status`.'),
    raised: texts('Those that are new.'),
    cleared: texts('Those that are gone.'),
  })
  .meta({ id: 'AlarmEvent', description: '`alarm`: an alarm was raised, or is gone.' });

export const CountersEvent = z
  .object({
    time: time('When they were read.'),
    seconds: number('Since the counters of before; 1 unless the gateway was busy.'),
    races: z.object({
      started: count('Since the start.'),
      decided: count('Since the start.'),
      failed: count('Since the start.'),
      active: number('Now.'),
      single: count('New connections without a race that the daemon saw, since the start.'),
      perSecond: count('Races started, per second, since the counters of before.'),
    }),
    decisions: z.object({
      made: count('Decisions since the last such event.'),
      shown: count('Those of them that the stream showed.'),
    }),
    memory: z.object({
      destinations: count('Remembered.'),
      trusted: count('Those by which new connections go without a race.'),
      inKernel: count('That the kernel decides by.'),
    }),
    routes: z.array(
      z.object({
        name: text('Name of the route.'),
        state: RouteState,
        attempts: count('Copies since the start.'),
        wins: count('Races won since the start.'),
        losses: count('Races lost since the start.'),
        rescues: count('Since the start.'),
        connections: count('Living connections.'),
        in: count('Bits per second from the provider.'),
        out: count('Bits per second to the provider.'),
        rttMicros: said(
          z.number().nullable(),
          'Mean time from a copy to its answer in that time, microseconds; null: nothing was answered.',
        ),
      }),
    ),
  })
  .meta({ id: 'CountersEvent', description: '`counters`: each second.' });

/** By name of the event. */
export const EVENTS = {
  decision: DecisionEvent,
  route: RouteEvent,
  alarm: AlarmEvent,
  counters: CountersEvent,
} as const satisfies Readonly<Record<(typeof EVENT_NAMES)[number], z.ZodType>>;
