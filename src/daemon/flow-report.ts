/** Living connections as pages: the kernel's table is read in slices, and no further than a page needs. */
import type { Flow, FlowPage, FlowQuery } from '../api/contract.js';
import { dateText, monotonicMs } from '../kernel/clock.js';
import { type FlowQuestion, pageOfFlows } from '../kernel/flow-search.js';
import { marksOf, routeOfMark } from '../kernel/marks.js';
import { parseAddress } from '../model/address.js';
import { fromCursor, toCursor } from './cursor.js';
import type { GatewayState } from './gateway-state.js';
import type { RaceClient } from './race-client.js';
import { openDecision, protocolNumber, routeOrService, toDecision } from './why-report.js';

/** Deeper nobody leafs through a table that changes all the time: the cursor ends there. */
const MOST_SKIPPED = 100_000;

/** Throws E_ARGUMENT. */
export async function flowPage(
  gateway: GatewayState,
  race: Pick<RaceClient, 'decisionsOf'>,
  hasIpv6: boolean,
  query: FlowQuery,
): Promise<FlowPage> {
  const { cursor, limit, ...asked } = query;
  const skip = cursor === undefined ? 0 : fromCursor('flows', asked, cursor);
  const question: FlowQuestion = {
    destination: asked.destination === undefined ? null : parseAddress(asked.destination),
    client: asked.client === undefined ? null : parseAddress(asked.client),
    port: asked.port ?? null,
    protocol: asked.protocol === undefined ? null : protocolNumber(asked.protocol),
    route: routeOrService(gateway, 'route', asked.route),
    service: routeOrService(gateway, 'service', asked.service),
  };
  const marks = marksOf(gateway.config.kernel.mark);
  const found = await pageOfFlows(marks, question, { skip, limit: limit + 1 }, hasIpv6);
  const time = dateText(monotonicMs());
  const page = found.slice(0, limit);
  const wanted = page.map((flow) => ({ ...flow, route: routeOfMark(marks, flow.mark) }));
  const { decisions, originMs } = page.length === 0 ? NONE : await race.decisionsOf(wanted);
  const flows = page.map((flow, index): Flow => {
    const record = decisions[index] ?? null;
    const decision = record === null ? null : toDecision(record, gateway, originMs);
    const open = openDecision(flow, marks, gateway, time);
    const { protocol = '', client, destination, route, service = null, reasons, fastPath } = open;
    return {
      protocol,
      client,
      destination,
      route,
      service,
      reason: decision?.reasons[0] ?? reasons[0],
      ...(fastPath === undefined ? {} : { fastPath }),
      decision,
    };
  });
  const isMore = found.length > limit && skip + limit < MOST_SKIPPED;
  return { flows, next: isMore ? toCursor('flows', asked, skip + limit) : null, time };
}

const NONE = { decisions: [], originMs: 0 };
