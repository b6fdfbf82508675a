/** What happens, as it happens. */
import { z } from 'zod';
import { said } from '../schemas/common.js';
import { EVENT_NAMES } from '../schemas/events.js';
import { endpoints } from './endpoint.js';

export const EVENT_ENDPOINTS = endpoints({
  'GET /v1/events': {
    id: 'events',
    tag: 'events',
    summary:
      'A stream of server-sent events: `decision` (sampled), `route`, `alarm`, `counters` (each second).',
    description:
      'The data of each is JSON: DecisionEvent, RouteEvent, AlarmEvent, CountersEvent. Each event has an id; `Last-Event-ID` goes on behind it as far as the last events are kept, an unknown one begins with what happens next. A comment comes every 15 seconds. Who does not read is sent away; so is who comes when all streams are taken (503).',
    role: 'read',
    query: z.strictObject({
      only: said(
        z.string().regex(new RegExp(`^(${EVENT_NAMES.join('|')})(,(${EVENT_NAMES.join('|')})){0,3}$`)),
        'Names of events, with commas between; all unless it is said.',
      ).exactOptional(),
    }),
    answer: z.string(),
    media: 'text/event-stream',
    problems: [503],
  },
});
