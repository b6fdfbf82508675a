/** Routes: their state, and commands on them. */
import { z } from 'zod';
import { nameAsked } from '../schemas/common.js';
import { RouteCommand, RouteCommandReport, RouteDetail, RouteStatus } from '../schemas/route.js';
import { endpoints } from './endpoint.js';

const name = nameAsked('Name of a route.');

export const ROUTE_ENDPOINTS = endpoints({
  'GET /v1/routes': {
    id: 'routes',
    tag: 'routes',
    summary: 'Every route as it is now.',
    role: 'read',
    query: z.strictObject({}),
    answer: z.array(RouteStatus),
  },
  'GET /v1/routes/{name}': {
    id: 'route',
    tag: 'routes',
    summary: 'A route with the evidence for its state, and its counters over time.',
    role: 'read',
    params: z.strictObject({ name }),
    query: z.strictObject({}),
    answer: RouteDetail,
    problems: [404],
  },
  'POST /v1/routes/{name}/{command}': {
    id: 'commandRoute',
    tag: 'routes',
    summary: 'A command on a route.',
    description:
      '`drain`: it keeps what it has and takes nothing new; `undrain`. `disable`: it is not used at all; `enable`. `kill`: its connections are cut.',
    role: 'operate',
    params: z.strictObject({ name, command: RouteCommand }),
    query: z.strictObject({}),
    answer: RouteCommandReport,
    isLong: true,
  },
});
