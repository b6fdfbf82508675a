/** The gateway as a whole: status, health, version. */
import { z } from 'zod';
import { CALL_KINDS } from '../../model/calls.js';
import { count, counts, flag, number, said, text, texts, time } from './common.js';
import { RouteStatus } from './route.js';

export const ConfigurationStatus = z
  .object({
    file: text('The configuration file in use.'),
    readAt: time('When it was read last.'),
    state: said(
      z.enum(['same', 'changed', 'waiting', 'gone', 'applying', 'failed']),
      '`same`: what it says runs. `changed`: it has changed since it was read. `waiting`: it was read, and some of it is not in use before a restart. `gone`: it cannot be read now. `applying`: it was read and is being applied; what is shown is what is in force until then. `failed`: it was read and could not be applied; it is tried again.',
    ),
    differences: count('Keys by which what was read differs from what runs.'),
  })
  .meta({ id: 'ConfigurationStatus' });

export const FastPathStatus = z
  .object({
    wanted: said(z.enum(['off', 'auto']), 'As configured.'),
    state: z.enum(['off', 'on', 'unavailable']),
    why: said(z.string().nullable(), 'What the kernel said; null unless it is unavailable.'),
  })
  .meta({ id: 'FastPathStatus', description: 'Whether established flows pass by the rules.' });

const CallCounts = z.object({
  started: count('Calls or streams whose set-up was seen, since the start.'),
  ended: count('Those that are over.'),
  active: count('Those that are not.'),
});

export const Status = z
  .object({
    version: text('Version of the gateway.'),
    configuration: ConfigurationStatus.exactOptional(),
    alarms: texts('What somebody should look at, in words; empty when all is well.'),
    notes: texts('What is right in some networks and a mistake in others, in words.'),
    memory: z.object({
      destinations: count('Destinations of which something is remembered.'),
      trusted: count(
        'Those of which enough is known, lately enough, for new connections to go by it without a race.',
      ),
      inKernel: count('Those that the kernel decides by itself.'),
      size: count('The most that are remembered.'),
      evicted: count('Destinations that gave way to others, since the start.'),
      rescues: count('Connections that a remembered route left unanswered and another took over.'),
    }),
    uptimeSeconds: count('Since when the gateway runs.'),
    routes: z.array(RouteStatus),
    races: z.object({
      started: count('Races since the start.'),
      decided: count('Those that gave a connection a route.'),
      failed: count('Those in which no route said yes.'),
      active: number('Those that are not over.'),
      single: counts('New connections that went by one route without a race, by reason.'),
    }),
    calls: said(
      z.object(Object.fromEntries(CALL_KINDS.map((kind) => [kind, CallCounts])) as CallShape),
      'Calls and streams whose signalling was read, by protocol.',
    ).exactOptional(),
    fastPath: FastPathStatus,
    cutting: z.object({
      cut: count('Connections cut since the start, by commands and since their route is gone.'),
      left: count('Connections that are being cut and are still there.'),
    }),
    packets: z.object({
      dropped: counts('Packets that were dropped, by reason.'),
      ignored: counts('Packets that changed nothing, by reason.'),
      queue: counts('What the queues to the daemon carried.'),
    }),
  })
  .meta({ id: 'Status' });

type CallShape = Record<(typeof CALL_KINDS)[number], typeof CallCounts>;

export const Health = z
  .object({
    verdict: said(
      z.enum(['ok', 'alarm', 'down']),
      '`ok`: all is well. `alarm`: it carries connections, and something needs somebody. `down`: no route can be used; status 503.',
    ),
    routes: z.object({
      up: count('Routes that new connections use.'),
      usable: count('Those, and the ones that races may still use.'),
      all: count('Routes of the configuration.'),
    }),
    alarms: texts('As in `status`; empty for who may not read it.'),
  })
  .meta({ id: 'Health' });

export const Version = z
  .object({
    version: text('Version of the gateway.'),
    api: said(z.literal('v1'), 'Version of this interface.'),
    node: text('Version of Node.js that it runs on.'),
    uptimeSeconds: count('Since when the gateway runs.'),
    role: said(z.enum(['read', 'operate']), 'What whoever asks may do.'),
    page: flag('Whether the page is served at `/`, where there is TCP.'),
  })
  .meta({ id: 'Version' });
