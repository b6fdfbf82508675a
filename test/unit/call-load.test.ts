/** What calls add to the load of routes: classes of sessions (RFC 2391 section 5.1). */
import { describe, expect, it } from 'vitest';
import { CallLoad } from '../../src/core/calls/load.js';
import { gatewayTo } from '../sim/datagram-harness.js';

describe('the load of calls', () => {
  it('is that of their kinds, by route', () => {
    const load = new CallLoad(3);
    load.setWeights({ sip: 2, h323: 3, rtsp: 10 });
    load.change('sip', 1, 1);
    load.change('sip', 1, 1);
    load.change('rtsp', 1, 1);
    load.change('h323', 2, 1);
    expect([1, 2, 3].map((route) => load.of(route))).toEqual([14, 3, 0]);
    expect(load.change('sip', 1, -1)).toBe(-2);
    expect(load.of(1)).toBe(12);
  });

  it('of routes that there are not is none', () => {
    const load = new CallLoad(3);
    for (const route of [0, -1, 4]) expect(load.change('sip', route, 1)).toBe(0);
  });
});

describe('least-weighted-load', () => {
  const begins = () => {
    const h = gatewayTo(9999, { criterion: 'least-weighted-load' });
    h.engine.setCallWeights({ sip: 5, h323: 5, rtsp: 5 });
    return h;
  };
  const chosen = (h: ReturnType<typeof begins>, port: number): unknown => {
    h.flow = { ...h.flow, client: { ...h.flow.client, port } };
    h.send([1, 2, 3]);
    return (h.last[0] as { route?: number }).route;
  };

  it('keeps off the routes of calls while they last', () => {
    const h = begins();
    h.engine.countCall('sip', 1, 1);
    h.engine.countCall('rtsp', 2, 1);
    for (let i = 0; i < 4; i++) expect(chosen(h, 20_000 + i)).toBe(3);
    h.engine.countCall('sip', 1, -1);
    for (let i = 4; i < 8; i++) expect(chosen(h, 20_000 + i)).toBe(1);
  });

  it('counts them again with the connections, and by the weights of now', () => {
    const h = begins();
    h.engine.countCall('sip', 1, 1);
    h.engine.recount([{ route: 1, service: 1, count: 2 }]);
    expect(h.engine.facts.weightedSessions[1]).toBe(7);
    h.engine.setCallWeights({ sip: 1, h323: 1, rtsp: 1 });
    expect(h.engine.facts.weightedSessions[1]).toBe(3);
    h.engine.countCall('sip', 1, -1);
    expect(h.engine.facts.weightedSessions[1]).toBe(2);
  });
});
