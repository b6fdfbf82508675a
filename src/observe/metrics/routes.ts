/** Metrics of routes: how they are, what they carry, how they do in races. */
import type { AddSample, Label, Metric } from './metric.js';
import { ROUTE_STATES, type RouteFigures } from './snapshot.js';

export const ROUTE_METRICS: readonly Metric[] = [
  ofRoutes('gauge', 'pathrace_route_up', 'Whether new connections use the route.', ({ state, name }, add) =>
    add(state === 'up' ? 1 : 0, name),
  ),
  ofRoutes(
    'gauge',
    'pathrace_route_state',
    'The state of a route: 1 for the one that it is in.',
    ({ state, name }, add) => {
      for (const word of ROUTE_STATES) add(word === state ? 1 : 0, name, word);
    },
    ['state'],
  ),
  ofRoutes(
    'gauge',
    'pathrace_route_family_up',
    'Whether a route answers in a family that it carries.',
    ({ families, name }, add) => {
      for (const [family, isUp] of Object.entries(families)) add(isUp ? 1 : 0, name, family);
    },
    ['family'],
  ),
  ofRoutes(
    'gauge',
    'pathrace_route_check_up',
    'Whether the last round of the checks of a route was answered.',
    ({ check, name }, add) => {
      if (check !== null) add(check.ok ? 1 : 0, name);
    },
  ),
  ofRoutes(
    'gauge',
    'pathrace_route_check_round_trip_seconds',
    'How long the last answer to a check of a route has taken.',
    ({ check, name }, add) => {
      if (check !== null && check.rttMicros !== null) add(check.rttMicros / 1e6, name);
    },
  ),
  ofRoutes('counter', 'pathrace_attempts_total', 'Copies that have left by a route.', (route, add) =>
    add(route.attempts, route.name),
  ),
  ofRoutes(
    'counter',
    'pathrace_losses_total',
    'Answers of a route that came after another one had won, and negative answers.',
    (route, add) => add(route.losses, route.name),
  ),
  ofRoutes(
    'counter',
    'pathrace_negative_answers_total',
    'Copies that were answered with a refusal or an error by a route.',
    (route, add) => add(route.negatives, route.name),
  ),
  ofRoutes(
    'counter',
    'pathrace_rescues_total',
    'Connections that a route left unanswered and another one has saved.',
    (route, add) => add(route.rescues, route.name),
  ),
  ofRoutes('gauge', 'pathrace_route_connections', 'Connections that a route carries now.', (route, add) =>
    add(route.connections, route.name),
  ),
  ofRoutes(
    'gauge',
    'pathrace_route_traffic_bytes_per_second',
    'Traffic of a route in the last second.',
    ({ traffic, name }, add) => {
      add(traffic.in / 8, name, 'in');
      add(traffic.out / 8, name, 'out');
    },
    ['direction'],
  ),
  ofRoutes(
    'gauge',
    'pathrace_route_port_use_ratio',
    'Share of the source ports that the busiest pair of address and server of a route has in use, where it may be large; 1 is exhausted.',
    (route, add) => add(route.portUse, route.name),
  ),
  ofRoutes(
    'gauge',
    'pathrace_route_period_bytes',
    'Bytes that a route has carried in the present billing period.',
    (route, add) => add(route.used, route.name),
  ),
  ofRoutes(
    'gauge',
    'pathrace_route_quota_bytes',
    'Bytes that a route may carry in a billing period, where it has a quota.',
    ({ quota, name }, add) => {
      if (quota !== null) add(quota, name);
    },
  ),
  ofRoutes(
    'gauge',
    'pathrace_route_quota_spent',
    'Whether the quota of a route is used up.',
    ({ quota, isSpent, name }, add) => {
      if (quota !== null) add(isSpent ? 1 : 0, name);
    },
  ),
];

/** A metric with a sample, or several, for each route. */
function ofRoutes(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  each: (route: RouteFigures, add: AddSample) => void,
  more: readonly Label[] = [],
): Metric {
  return {
    name,
    type,
    help,
    labels: ['route', ...more],
    read: ({ routes }, add) => {
      for (const route of routes) each(route, add);
    },
  };
}
