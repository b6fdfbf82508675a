/** All that three routes may say behind their first reply, in all orders: who carries the connection, by a small table. */
import { describe, expect, it } from 'vitest';
import type { RouteNumber } from '../../src/core/engine-types.js';
import { OpeningHarness, offer, REQUEST } from './opening-harness.js';

/** `scale`: a payload, of a server that has agreed on another window scale than the others. */
const WORDS = ['payload', 'reset', 'silence', 'scale'] as const;
type Word = (typeof WORDS)[number];
const ORDERS: readonly (readonly RouteNumber[])[] = [
  [1, 2, 3],
  [1, 3, 2],
  [2, 1, 3],
  [2, 3, 1],
  [3, 1, 2],
  [3, 2, 1],
];

/** What must come of it: the carrier, 0 when the client is reset; and the reason of the decision. */
function expected(
  said: readonly Word[],
  shown: RouteNumber,
  order: readonly RouteNumber[],
): [RouteNumber, string] {
  let left = said.length;
  let isShownLeft = true;
  for (const route of order) {
    const word = said[route - 1];
    if (word === 'payload' || word === 'scale') return [route, 'first-payload'];
    if (word !== 'reset') continue;
    left--;
    isShownLeft = isShownLeft && route !== shown;
    // Nobody else may say anything any more.
    if (left === 1 && isShownLeft) return [shown, 'others-out'];
    if (left === 0) return [0, 'all-routes-negative'];
  }
  return isShownLeft ? [shown, 'no-payload'] : [0, 'error-and-silence'];
}

function play(
  said: readonly Word[],
  handshakes: readonly RouteNumber[],
  answers: readonly RouteNumber[],
): void {
  const h = new OpeningHarness();
  h.begins();
  const [shown] = handshakes;
  for (const route of handshakes) {
    h.pass(5);
    h.accepts(route, offer(said[route - 1] === 'scale' ? 2 : 7));
    if (route === shown) h.shakesHands();
  }
  expect(h.bound).toEqual([shown]);
  h.client(REQUEST);
  for (const { words } of h.servers) expect(words).toBe(REQUEST);
  for (const route of answers) {
    h.pass(10);
    const word = said[route - 1];
    if (word === 'reset') h.resets(route);
    else if (word === 'silence') h.acknowledges(route);
    else h.says(route, 'HTTP/1.1 200 OK');
    if (word === 'reset') h.servers[route - 1].state = 'reset';
  }
  h.pass(60_000);
  const [carrier, reason] = expected(said, shown, answers);
  const context = `${said} shown by ${shown}, answered ${answers}`;
  expect(h.engine.latestDecisions(1)[0], context).toMatchObject({
    reason,
    route: carrier,
  });
  if (carrier !== 0) expect(h.carrier, context).toBe(carrier);
  for (const [index, { state, wrong }] of h.servers.entries()) {
    expect(wrong, context).toEqual([]);
    expect(state, `${context}: server ${index + 1}`).toBe(
      index + 1 === carrier && said[index] !== 'reset' ? 'open' : 'reset',
    );
  }
  if (carrier === 0) {
    expect(h.clientReset, context).toBe(h.servers[shown - 1].isn + 1);
    expect(h.removed).toBe(1);
  } else expect(h.clientReset, context).toBe(null);
  expect(h.engine.races.active, context).toBe(0);
}

describe('{payload, reset, silence, wrong scale} on each of three routes', () => {
  it.each(ORDERS.map((order) => [order.join(' '), order] as const))(
    'handshakes in the order %s',
    (_, handshakes) => {
      for (const answers of ORDERS)
        for (const a of WORDS)
          for (const b of WORDS) for (const c of WORDS) play([a, b, c], handshakes, answers);
    },
  );
});
