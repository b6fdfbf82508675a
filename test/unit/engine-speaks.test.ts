/** What a service says that its datagrams are: `speaks`. */
import { describe, expect, it } from 'vitest';
import { PROTOCOLS } from '../../src/core/protocols/index.js';
import { SPOKEN, type Spoken } from '../../src/model/config.js';
import type { Endpoint } from '../../src/sim/packets.js';
import { DatagramHarness, dns, ntp, type Payload, quic, sip, stun } from '../sim/datagram-harness.js';
import { words } from '../sim/engine-harness.js';
import { serviceWith } from './config-tools.js';

const ODD: Endpoint = { address: words('198.51.100.1'), port: 7777 };
/** A question that its port alone tells, where content tells nothing; and the answer. */
const TALK: Readonly<Record<Spoken, { ask: Payload; yes: Payload; raced: boolean }>> = {
  dns: { ask: dns.query(), yes: dns.yes(), raced: false },
  ntp: { ask: ntp.question(), yes: ntp.yes(), raced: false },
  // Without the cookie, as before RFC 5389.
  stun: { ask: stun.request().with(4, 0), yes: stun.yes().with(4, 0), raced: false },
  quic: { ask: quic.initial(), yes: quic.yes(), raced: true },
  sip: { ask: sip.ask(), yes: sip.says(180), raced: false },
};

function harness(speaks: Spoken | null, port = ODD.port): DatagramHarness {
  const h = new DatagramHarness(3, { speaks });
  h.flow = { ...h.flow, server: { ...ODD, port } };
  return h;
}

describe.each(SPOKEN)('speaks: %s', (word) => {
  const { ask, yes, raced } = TALK[word];

  it('is the name of a protocol, and of nothing else in the list', () => {
    expect(PROTOCOLS.filter(({ name }) => name === word).length).toBe(1);
    expect(serviceWith(`match: { udp: 7777 }, select: race, speaks: ${word}`).speaks).toBe(word);
  });

  it('its questions to any port are raced, and the answer wins', () => {
    const h = harness(word);
    h.send(ask);
    expect(h.by).toEqual([1, 2, 3]);
    h.reply(2, yes);
    expect(h.words).toContain('commit 2');
  });

  it('without it they are what content says', () => {
    const h = harness(null);
    h.send(ask, { routed: 1 });
    expect(h.by).toEqual(raced ? [1, 2, 3] : []);
  });

  it('what it is not goes by one route', () => {
    const h = harness(word);
    h.send([1, 2, 3, 4, 5], { routed: 2 });
    expect(h.by).toEqual([1]);
  });

  it('comes before what the port says', () => {
    for (const port of [53, 123, 3478]) {
      const h = harness(word, port);
      h.send(ask);
      expect(h.by).toEqual([1, 2, 3]);
      h.reply(3, yes);
      expect(h.words).toContain('commit 3');
    }
  });
});

it('what tells by itself what it is is raced as that, whatever the service speaks', () => {
  const h = harness('ntp');
  h.send(quic.initial());
  expect(h.by).toEqual([1, 2, 3]);
});
