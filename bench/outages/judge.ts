/**
 * The two promises, held against one episode.
 *
 * *Nothing that a living route would have made is lost or reset.* A route lives for a connection when plain NAT that has this route alone
 * makes it, with the very luck that its packets have here, and would still do so had it begun 4.1 s later with some of the luck spent: so
 * late the engine may have asked the route. Its outages must leave it alone from the client's first SYN until then. Connections that a
 * rejecting route refuses to which they were given alone are counted, not judged: that is an answer. An established flow is
 * neither reset nor stuck while the route that carries it lives.
 *
 * *Everything comes back.* T after all is well, each connection goes where its criterion wants it (wanted.ts).
 */
import type { SimClient } from '../../src/sim/client.js';
import { HALF_OPEN_MICROS } from '../../src/sim/server.js';
import { type Episode, serviceOf } from './episode.js';
import { carriedFlows, wasWell } from './outage.js';
import { natMicros, surelyMicros } from './plain-nat.js';
import { type PlannedConnection, ROUND_MS } from './plan.js';
import { ableRoutes, goesByLoad, spreads, T_MS, wantedRoutes } from './wanted.js';

/** One broken promise, in words; `connection` is its number, -1: it is about the whole site. */
export interface Violation {
  readonly connection: number;
  readonly why: string;
}

/** What is known of each connection after the run. */
export interface Judged {
  readonly connection: PlannedConnection;
  readonly client: SimClient;
  /** Plain NAT by a living route would have made it. */
  readonly hadLivingRoute: boolean;
  /** Milliseconds that it took longer than plain NAT by the route that the criterion wants; NaN: that one was not well, or is not one. */
  readonly lateMs: number;
  /** Milliseconds after all was well at which it began; null: before. */
  readonly quietMs: number | null;
  /** It is made by a route that the criterion does not want when all is well. */
  readonly isWrong: boolean;
  /** A route that the criterion had chosen alone has said no. */
  readonly wasRefused: boolean;
}

/**
 * By then the engine has asked every route of a service that has not answered: 4 s after the first SYN (decision 24), with the client's
 * next SYN where nothing was planned.
 */
const ASKED_MICROS = 4_100_000;
/** Others help out on a route of which little is known, when a client repeats its SYN before the answer. */
const SLOW_MS = 800;
/** A connection has its round trips, some of them twice, and says that it is done. */
const BUSY_MS = 12_000;
/** A flow that has lost so many packets by chance may still be repeating them. */
const MOST_LOSSES = 8;
/** Flows repeat their data seldom after a long silence, and this is when they are looked at. */
const FLOW_END_MS = 40_000;

export function judge(episode: Episode): { readonly judged: Judged[]; readonly violations: Violation[] } {
  const violations: Violation[] = [];
  const { plan, world } = episode;
  const judged = plan.connections.map((_, i) => judgeConnection(episode, i, violations));
  if (world.gateway.engine.races.active > 0) violations.push({ connection: -1, why: 'races are left' });
  for (const service of plan.services) {
    if (!spreads(service)) continue;
    const fresh = judged.filter(
      ({ connection }) => connection.isFresh && connection.service === service.number,
    );
    const used = new Set(fresh.map(({ client }) => client.winner));
    const { connection } = fresh.find((one) => one.connection.family === 'ipv4')!;
    const sinceMs = connection.atMs;
    const missing = wantedRoutes(plan, service, connection).filter(
      (route) =>
        !used.has(route) &&
        !plan.routes[route - 1]!.lastResort &&
        plan.routes[route - 1]!.delayMs < SLOW_MS / 2 &&
        !(goesByLoad(service) && isBusy(judged, route, sinceMs)),
    );
    if (missing.length > 0 && service.criterion !== 'hash')
      violations.push({ connection: -1, why: `${service.criterion}: routes ${missing} have no new group` });
  }
  return { judged, violations };
}

/** A route that carries something already may be left out by who goes by load. */
function isBusy(judged: readonly Judged[], route: number, atMs: number): boolean {
  return judged.some(({ connection, client }) => {
    if (connection.atMs >= atMs || client.winner !== route) return false;
    const lasts = BUSY_MS + connection.talks * (connection.pauseMs + BUSY_MS);
    return connection.atMs + lasts > atMs;
  });
}

function judgeConnection(episode: Episode, i: number, violations: Violation[]): Judged {
  const { plan, luck, clients } = episode;
  const connection = plan.connections[i]!;
  const client = clients[i]!;
  const { atMs, server } = connection;
  const service = serviceOf(plan, connection.service);
  const routes = ableRoutes(plan, service, connection);
  const living = routes.filter((route) => {
    const one = { plan, luck, connection: i, route };
    if (natMicros(one) === Number.POSITIVE_INFINITY) return false;
    const until = surelyMicros(one, ASKED_MICROS);
    return (
      until < Number.POSITIVE_INFINITY && wasWell(plan.outages, route, server, atMs, atMs + until / 1000)
    );
  });
  const made = client.result === 'connected' || client.result === 'ECONNRESET';
  const isRefusal = !made && client.result !== 'ETIMEDOUT';
  const wasRefused =
    isRefusal &&
    plan.outages.some(
      ({ kind, route, fromMs, untilMs }) =>
        kind === 'rejecting' && routes.includes(route) && fromMs <= atMs + 31_000 && untilMs >= atMs - 3000,
    );
  const name = `connection ${i} (${service.criterion}, ${service.affinity}, at ${(atMs / 1000).toFixed(1)} s)`;
  if (!made && living.length > 0 && !wasRefused)
    violations.push({ connection: i, why: `${name}: ${client.result}, though routes ${living} live` });
  if (made) judgeFlow(episode, i, client, violations, name);
  const wanted = wantedRoutes(plan, service, connection);
  // Without a route of its family the rest has it.
  const quietMs = atMs > plan.wellMs ? atMs - plan.wellMs : null;
  const isWrong = made && wanted.length > 0 && !wanted.includes(client.winner);
  // One connection more of each group, and those begin that far apart at most.
  const isLate = isWrong && quietMs !== null && quietMs > T_MS[service.criterion] + ROUND_MS;
  if (isLate)
    violations.push({
      connection: i,
      why: `${name}: by route ${client.winner} in place of ${wanted}, ${(quietMs / 1000).toFixed(0)} s after all was well`,
    });
  return {
    connection,
    client,
    hadLivingRoute: living.length > 0,
    lateMs: made ? lateOf(episode, i, wanted) : Number.NaN,
    quietMs,
    isWrong,
    wasRefused,
  };
}

/** An established flow lives as long as its route does. */
function judgeFlow(
  { plan, luck }: Episode,
  i: number,
  client: SimClient,
  violations: Violation[],
  name: string,
): void {
  const { server, talks, pauseMs, atMs } = plan.connections[i]!;
  const bytes = 100 * (1 + talks);
  const isReset = client.result === 'ECONNRESET';
  if (client.acknowledged >= bytes && !isReset) return;
  // The server has given up its half-open connection meanwhile, whatever the router is.
  if (2 * client.connectMicros > HALF_OPEN_MICROS) return;
  const untilMs = atMs + 31_000 + talks * (pauseMs + 10_000) + FLOW_END_MS;
  if (!carriedFlows(plan.outages, client.winner, server, client.finishedAt / 1000 - 3000, untilMs)) return;
  const end = Math.max(...plan.connections.map((one) => one.atMs));
  if (!isReset && (luck.losses[i]! >= MOST_LOSSES || untilMs > end)) return;
  const what = isReset ? 'is reset' : `has ${client.acknowledged} of ${bytes} bytes through`;
  violations.push({
    connection: i,
    why: `${name}: its flow by route ${client.winner}, which lives, ${what}`,
  });
}

/** Beside plain NAT by the one route that the criterion wants, where that was well. */
function lateOf({ plan, luck, clients }: Episode, i: number, wanted: readonly number[]): number {
  const { atMs, server } = plan.connections[i]!;
  const client = clients[i]!;
  if (wanted.length !== 1) return Number.NaN;
  const nat = natMicros({ plan, luck, connection: i, route: wanted[0]! }) / 1000;
  if (!wasWell(plan.outages, wanted[0]!, server, atMs, atMs + nat)) return Number.NaN;
  return client.connectMicros / 1000 - nat;
}
