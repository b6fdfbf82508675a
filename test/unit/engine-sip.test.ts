/** What SIP has of its own in a race (RFC 3261): one transaction, one answer, and a client that sends again after half a second. */
import { describe, expect, it } from 'vitest';
import { HEALTH } from '../../src/core/health/health.js';
import { gatewayTo, type Payload, sip } from '../sim/datagram-harness.js';

const ALL = [1, 2, 3];
const raced = (ask: Payload = sip.ask()) => {
  const h = gatewayTo(5060);
  h.send(ask);
  expect(h.by).toEqual(ALL);
  return h;
};

describe('a request of SIP', () => {
  it.each(['INVITE', 'OPTIONS', 'REGISTER'])('%s leaves by all routes, to the byte', (method) => {
    const ask = sip.ask({ method });
    const h = raced(ask);
    for (const { route, bytes } of h.sent) expect(bytes).toEqual(h.asCopied(route, ask));
  });

  it.each([100, 180, 183, 200, 302, 401, 407])('is won by %i', (status) => {
    const h = raced();
    h.reply(2, sip.says(status));
    expect(h.words.at(-1)).toMatch(/^commit 2/);
  });

  it.each([482, 403, 404, 408, 486, 500, 503, 603])('waits after %i, and another yes wins', (status) => {
    const h = raced();
    h.reply(2, sip.says(status));
    expect(h.words).toEqual(['drop']);
    h.pass(100);
    h.reply(3, sip.says(100));
    expect(h.words.at(-1)).toMatch(/^commit 3/);
  });

  it('whose error nobody contradicts has it before the client sends again', () => {
    const h = raced();
    h.pass(50);
    h.reply(2, sip.says(404));
    h.pass(390);
    expect(h.told).toEqual([]);
    h.pass(20);
    expect(h.told).toEqual([h.asTold(sip.says(404))]);
  });

  it('gets what says most when all say no, and never that a copy was taken for a loop', () => {
    const h = raced();
    h.reply(1, sip.says(482));
    h.reply(3, sip.says(486));
    h.reply(2, sip.says(503));
    expect(h.told).toEqual([h.asTold(sip.says(486))]);
  });

  it('is not answered by what is about another one', () => {
    for (const other of [{ callId: 'x' }, { branch: 'z9hG4bKx' }, { cseq: 2 }, { method: 'OPTIONS' }]) {
      const h = raced();
      h.reply(1, sip.says(200, other));
      expect(h.words).toEqual(['drop']);
    }
  });

  it('takes along its CANCEL, by one route', () => {
    const h = raced();
    h.send(sip.ask({ method: 'CANCEL' }));
    expect(h.by).toEqual([1]);
  });

  it('says nothing of routes whose copies were not answered: a server answers one', () => {
    const h = gatewayTo(5060, {}, { trustMicros: 600e6, forgetMicros: 3600e6 });
    for (let call = 0; call < 12; call++) {
      h.flow = { ...h.flow, client: { ...h.flow.client, port: 20_000 + call } };
      h.send(sip.ask());
      h.reply(2, sip.says(100));
      h.pass(6000);
    }
    for (const route of ALL) expect(h.engine.health.of(route, 4), `${route}`).toBe(HEALTH.UP);
  });
});
