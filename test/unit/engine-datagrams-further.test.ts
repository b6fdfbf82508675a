/** Several questions of one flow while its race runs: each is to be answered as if it were alone. */
import { describe, expect, it } from 'vitest';
import { dns, gatewayTo, ntp, quic, stun } from '../sim/datagram-harness.js';

const ALL = [1, 2, 3];
const SECOND = { id: 0x5678, type: dns.AAAA };
const OTHER = [9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9];

describe('A and AAAA of a name that has no AAAA', () => {
  it('the addresses first: the race is won, and the empty answer of the winner passes', () => {
    const h = gatewayTo(53);
    h.send(dns.query());
    h.send(dns.query(SECOND));
    h.reply(2, dns.yes());
    expect(h.words).toEqual(['commit 2']);
    h.reply(2, dns.no(dns.EMPTY, SECOND));
    expect(h.words).toEqual(['pass']);
  });

  // A no to one question is one of the route, and its packet stays where it is kept when another question decides.
  it('the empty answer first: it is told as soon as the winner is known', () => {
    const h = gatewayTo(53);
    h.send(dns.query());
    h.send(dns.query(SECOND));
    h.reply(2, dns.no(dns.EMPTY, SECOND));
    h.reply(2, dns.yes());
    expect(h.words.at(-1)).toEqual('commit 2');
    expect(h.told).toEqual([h.asTold(dns.no(dns.EMPTY, SECOND))]);
  });

  // All routes have said no to the one question, so the race ends, and what they say to the other is nobody's.
  it('when all have said so of AAAA, the addresses are still awaited', () => {
    const h = gatewayTo(53);
    h.send(dns.query());
    h.send(dns.query(SECOND));
    for (const route of ALL) h.reply(route, dns.no(dns.EMPTY, SECOND));
    h.pass(50);
    h.reply(2, dns.yes());
    expect(h.words.at(-1)).toEqual('commit 2');
  });

  // One refusal is kept for a race: the other question is never answered.
  it('neither has an answer: the client gets both noes', () => {
    const h = gatewayTo(53);
    h.send(dns.query());
    h.send(dns.query(SECOND));
    const told: Uint8Array[] = [];
    for (const question of [{}, SECOND]) {
      for (const route of ALL) {
        h.reply(route, dns.no(dns.EMPTY, question));
        told.push(...h.told);
      }
    }
    expect(told).toEqual([h.asTold(dns.no(dns.EMPTY)), h.asTold(dns.no(dns.EMPTY, SECOND))]);
  });

  // Nor does a route that has said no to the first question hear the second one.
  it('a question behind a no goes by all routes', () => {
    const h = gatewayTo(53);
    h.send(dns.query(SECOND));
    h.reply(2, dns.no(dns.EMPTY, SECOND));
    h.send(dns.query());
    expect(h.by).toEqual(ALL);
  });
});

describe('what asks for something else by the same port', () => {
  // Its token stays that of the first request of the race.
  it('STUN: another transaction within the flight', () => {
    const h = gatewayTo(3478);
    h.send(stun.request());
    h.send(stun.request(OTHER));
    h.reply(2, stun.yes(OTHER));
    expect(h.words).toEqual(['commit 2']);
  });

  it('STUN: another transaction, when the first was not answered', () => {
    const h = gatewayTo(3478);
    h.send(stun.request());
    h.pass(500);
    h.send(stun.request(OTHER));
    h.reply(2, stun.yes(OTHER));
    expect(h.words).toEqual(['commit 2']);
  });

  // What is noted of the first Initial stays.
  it('QUIC: another connection, when the first was not answered', () => {
    const h = gatewayTo(443);
    h.send(quic.initial());
    h.pass(1000);
    h.send(quic.initial({ destination: OTHER, source: OTHER }));
    h.reply(2, quic.yes({ source: OTHER }));
    expect(h.words).toEqual(['commit 2']);
  });

  it('NTP: the time of the last question is that which its answers repeat', () => {
    const h = gatewayTo(123);
    const later = OTHER.slice(0, 8);
    h.send(ntp.question());
    h.pass(2000);
    h.send(ntp.question(later));
    h.reply(2, ntp.yes(later));
    expect(h.words).toEqual(['commit 2']);
  });

  it('DNS: another question, when the first was not answered', () => {
    const h = gatewayTo(53);
    h.send(dns.query());
    h.pass(1000);
    h.send(dns.query({ id: 2 }));
    h.reply(2, dns.yes({ id: 2 }));
    expect(h.words).toEqual(['commit 2']);
  });

  it('DNS: one question many times is one', () => {
    const h = gatewayTo(53);
    for (let n = 0; n < 6; n++) h.send(dns.query());
    h.send(dns.query({ id: 2 }));
    h.reply(2, dns.yes({ id: 2 }));
    expect(h.words).toEqual(['commit 2']);
  });

  // Four are noted, and none is given up.
  it('DNS: a fifth one, when four were not answered', () => {
    const h = gatewayTo(53);
    for (const id of [1, 2, 3, 4, 5]) {
      h.send(dns.query({ id }));
      h.pass(1000);
    }
    h.reply(2, dns.yes({ id: 5 }));
    expect(h.words).toEqual(['commit 2']);
  });
});

it('an answer that nothing proves to be the server’s has its moment in the decision all the same', () => {
  const h = gatewayTo(443);
  h.pass(7000);
  // As browsers do: no connection id of their own.
  h.send(quic.initial({ source: [] }));
  h.pass(12);
  h.reply(2, quic.yes({ source: [] }));
  expect(h.words).toEqual(['commit 2']);
  const [{ answers }] = h.engine.latestDecisions(1);
  expect([answers[1].answeredAfter, answers[1].rttMicros]).toEqual([12_000, -1]);
});
