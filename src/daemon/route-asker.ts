/**
 * Asks a route itself whether it is down, before what it carries is cut for the silence of a few: whether flows on it are answered, whether
 * hosts that others speak with answer by it, and whether they answer by any other route.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { checkOnce } from '../kernel/checks/check.js';
import type { Talk } from '../kernel/flows.js';
import type { Marks } from '../kernel/marks.js';
import { readNeighbour } from '../kernel/neighbour.js';
import type { RouteHealth } from '../kernel/race-messages.js';
import type { ResolvedRoute } from '../kernel/routes.js';
import type { Family } from '../model/address.js';
import type { CheckConfig, CheckTarget } from '../model/config.js';
import { checkedRoute, ofFamily } from './checker.js';

export interface AskerContext {
  marks(): Marks;
  routes(): readonly ResolvedRoute[];
  health(): readonly RouteHealth[];
  talks(family: Family): Promise<ReadonlyMap<string, Talk>>;
}

/** Time for answers, and for what flows to say something: a route may take three seconds for a round trip. */
const WAIT_MS = 3500;
/** Hosts that are asked by their addresses. */
const MOST_HOSTS = 6;
/** So many connections that speak and hear nothing are no accident. */
const UNHEARD = 2;

export class RouteAsker {
  constructor(private readonly context: AskerContext) {}

  /** Whether anything beyond the next hop answers by a route; null: nobody can tell. */
  async ask(number: number, family: Family): Promise<boolean | null> {
    const route = this.context.routes().find((one) => one.number === number);
    if (route === undefined || route[family === 4 ? 'ipv4' : 'ipv6'] === null) return null;
    const before = await this.context.talks(family);
    const others = this.others(route, family);
    const hosts = pings(hostsOf(before, number));
    const check = ofFamily(route.config.check, family);
    if (await this.isPortal(route, family, check, others)) return false;
    const byOwn = this.answers(route, family, hosts);
    const rest = Promise.all([
      this.anyAnswers(others, family, hosts),
      this.anyAnswers(others, family, check),
      sleep(WAIT_MS),
    ]);
    // Nobody may wait for it below.
    rest.catch(() => undefined);
    if (await byOwn) return true;
    const [byOthers, targetsByOthers] = await rest;
    const heard = compare(before, await this.context.talks(family), number);
    if (heard.answered) return true;
    return byOthers || targetsByOthers || heard.unheard >= UNHEARD ? false : null;
  }

  /** Something else answers what the route is checked by, and by another route that itself does: whatever else passes, it is no way out. */
  private async isPortal(
    route: ResolvedRoute,
    family: Family,
    check: CheckConfig | null,
    others: readonly ResolvedRoute[],
  ): Promise<boolean> {
    const expects = check?.targets.some((target) => target.kind === 'http' && target.expect !== undefined);
    if (check === null || expects !== true) return false;
    const { answered, isOther } = await checkOnce(checkedRoute(this.context.marks(), route, family), check);
    return !answered && isOther && this.anyAnswers(others, family, check);
  }

  /** Whether the next hop of a route answers; what needs none has nobody to ask. */
  async probe(number: number, family: Family): Promise<boolean> {
    const route = this.context.routes().find((one) => one.number === number);
    const carried = route?.[family === 4 ? 'ipv4' : 'ipv6'] ?? null;
    if (route === undefined || carried === null) return false;
    if (carried.gateway === null) return true;
    if (await this.answers(route, family, pings([carried.gateway]))) return true;
    return readNeighbour(route.config.interface, carried.gateway);
  }

  /** Those that could be asked instead. */
  private others(route: ResolvedRoute, family: Family): ResolvedRoute[] {
    const isDown = (number: number): boolean =>
      this.context.health().find((one) => one.route === number)?.[family].state === 'down';
    return this.context
      .routes()
      .filter((other) => other.number !== route.number && !isDown(other.number))
      .filter((other) => other[family === 4 ? 'ipv4' : 'ipv6'] !== null);
  }

  private async anyAnswers(
    routes: readonly ResolvedRoute[],
    family: Family,
    check: CheckConfig | null,
  ): Promise<boolean> {
    const answers = await Promise.all(routes.map((route) => this.answers(route, family, check)));
    return answers.includes(true);
  }

  private async answers(route: ResolvedRoute, family: Family, check: CheckConfig | null): Promise<boolean> {
    if (check === null) return false;
    return (await checkOnce(checkedRoute(this.context.marks(), route, family), check)).answered;
  }
}

/** Hosts that have answered somebody, those of the route first. */
function hostsOf(talks: ReadonlyMap<string, Talk>, route: number): string[] {
  const heard = [...talks.values()].filter(({ received }) => received > 0);
  const own = heard.filter((talk) => talk.route === route);
  const hosts = new Set([...own, ...heard].map(({ destination }) => destination));
  return [...hosts].slice(0, MOST_HOSTS);
}

function pings(hosts: readonly string[]): CheckConfig | null {
  if (hosts.length === 0) return null;
  const targets = hosts.map((address): CheckTarget => ({ kind: 'ping', address }));
  return { targets, intervalMs: WAIT_MS, timeoutMs: WAIT_MS, fail: 1, recover: 1 };
}

/** What the flows of a route have heard meanwhile; of those that have heard nothing, to how many hosts they have spoken. */
function compare(
  before: ReadonlyMap<string, Talk>,
  after: ReadonlyMap<string, Talk>,
  route: number,
): { answered: boolean; unheard: number } {
  let answered = false;
  const unheard = new Set<string>();
  for (const [flow, talk] of after) {
    if (talk.route !== route) continue;
    const old = before.get(flow);
    if (talk.received > (old?.received ?? 0)) answered = true;
    // One-way traffic hears nothing at any time.
    else if (old !== undefined && talk.isEstablished && talk.sent > old.sent) unheard.add(talk.destination);
  }
  return { answered, unheard: unheard.size };
}
