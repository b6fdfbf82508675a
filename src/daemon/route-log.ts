/** What the log says of routes, and of the way past the rules. */
import type { Broken } from '../kernel/boundary.js';
import type { QueueMethod } from '../kernel/desired.js';
import type { FastPathReport } from '../kernel/fast-path.js';
import type { Rehearsed, RouteHealth } from '../kernel/race-messages.js';
import type { ResolvedRoute } from '../kernel/routes.js';
import type { GatewayConfig } from '../model/config.js';
import type { Log } from '../observe/log.js';

/** The fast path has become what it is now. */
export function logFastPath(log: Log, { state, why }: FastPathReport): void {
  const text = `fast path ${state}${why === null ? '' : `: ${why}`}`;
  if (state === 'unavailable') log.warn({ event: 'fast-path', state, why }, text);
  else log.info({ event: 'fast-path', state }, text);
}

/** The race thread has run its code before it was needed; nothing depends on that. */
export function logRehearsal(log: Log, { races, micros, error }: Rehearsed): void {
  const fields = { event: 'rehearsal', races, ms: Math.round(micros / 1000) };
  if (error === null) log.debug(fields, 'the race thread has rehearsed');
  else log.warn({ ...fields, error }, 'the rehearsal of the race thread was not finished');
}

/** A route as its link makes it. */
export function logRoute(log: Log, route: ResolvedRoute): void {
  const fields = { event: 'route', route: route.config.name, state: route.state, reasons: route.reasons };
  const text = `route ${route.config.name} is ${route.state}${route.reasons.length > 0 ? ` (${route.reasons.join(', ')})` : ''}`;
  if (route.state === 'up') log.info(fields, text);
  else log.warn(fields, text);
}

/** Routes whose traffic or checks say something new of them. */
export function logHealth(
  log: Log,
  before: readonly RouteHealth[],
  after: readonly RouteHealth[],
  nameOf: (route: number) => string | null,
): void {
  for (const lanes of after) {
    const old = before.find(({ route }) => route === lanes.route);
    const route = nameOf(lanes.route) ?? String(lanes.route);
    for (const family of [4, 6] as const) {
      const { state, reason } = lanes[family];
      // What the link does is told by `logRoute`.
      if (old === undefined || old[family].state === state || reason === 'link') continue;
      const fields = { event: 'health', route, family: `ipv${family}`, state, reason };
      const text = `route ${route} is ${state} for IPv${family} (${reason})`;
      if (state === 'up') log.info(fields, text);
      else log.warn(fields, text);
    }
  }
}

/** The line on standard output that says that the gateway works. */
export function readyLine(
  { lan, protect, kernel, control }: GatewayConfig,
  routes: readonly ResolvedRoute[],
  method: QueueMethod,
  missingLan: readonly string[],
): string {
  const up = routes.filter((route) => route.state === 'up').length;
  const inside = lan.map((name) => (missingLan.includes(name) ? `${name} (missing)` : name));
  const queue = method === 'nft' ? 'nft queue' : 'xt NFQUEUE';
  return `ready: ${up} of ${routes.length} routes up, LAN ${inside.join(' ')} ${protect ? 'protected' : 'open to the providers’ segments'}, ${queue} ${kernel.queue}, control ${control}`;
}

/** A promise of ours was broken, and nothing but the piece of work in hand has suffered. */
export function logBroken(log: Log, { what, message, count }: Broken): void {
  log.error(
    { event: 'broken', code: 'E_INTERNAL', what, count },
    `a bug was caught while handling ${what} (${count} since start), everything else goes on: ${message}`,
  );
}
