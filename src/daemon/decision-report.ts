/** Decisions that are remembered, as pages. */
import type { DecisionPage, DecisionQuery } from '../api/contract.js';
import { WHY_LIMIT } from '../api/paths.js';
import { dateText } from '../kernel/clock.js';
import { parseAddress } from '../model/address.js';
import { fromCursor, toCursor } from './cursor.js';
import type { GatewayState } from './gateway-state.js';
import type { RaceClient } from './race-client.js';
import { routeOrService, toDecision } from './why-report.js';

/** Newest first. Throws E_ARGUMENT. */
export async function decisionPage(
  gateway: GatewayState,
  race: Pick<RaceClient, 'decisions'>,
  query: DecisionQuery,
): Promise<DecisionPage> {
  const { cursor, limit = WHY_LIMIT, ...asked } = query;
  const before = cursor === undefined ? null : fromCursor('decisions', asked, cursor);
  const filter = {
    destination: asked.destination === undefined ? null : parseAddress(asked.destination),
    client: asked.client === undefined ? null : parseAddress(asked.client),
    port: asked.port ?? null,
    route: routeOrService(gateway, 'route', asked.route),
    service: routeOrService(gateway, 'service', asked.service),
    outcome: asked.outcome ?? null,
  };
  const { decisions, oldestAt, originMs } = await race.decisions(filter, limit + 1, before);
  const page = decisions.slice(0, limit);
  const last = page.at(-1);
  const isMore = decisions.length > limit && last !== undefined;
  return {
    decisions: page.map((record) => toDecision(record, gateway, originMs)),
    next: isMore ? toCursor('decisions', asked, last.number) : null,
    oldest: oldestAt === null ? null : dateText(originMs + oldestAt / 1000),
  };
}
