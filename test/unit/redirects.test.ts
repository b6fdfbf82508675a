/** Name servers of routes: questions that are turned to them, and answers that come back as the asked one's. */
import { describe, expect, it } from 'vitest';
import { dnsName } from '../../bench/fuzz-datagrams.js';
import { PacketBuilder } from '../../src/core/packets/builder.js';
import { Redirects } from '../../src/kernel/redirects.js';
import type { Endpoint } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { createPacket, DECODE, decode } from '../../src/wire/packet.js';
import { DESTINATION, SOURCE, turnDatagram } from '../../src/wire/udp.js';
import { DatagramHarness, datagram, dns, ntp } from '../sim/datagram-harness.js';
import { words } from '../sim/engine-harness.js';

const LASTS = 30_000_000;
const OWN = words('9.9.9.9');
const OWN6 = words('2620:fe::fe');
const service = serviceOver([1, 2, 3], {
  resolvers: [
    { route: 2, address: OWN },
    { route: 2, address: OWN6 },
  ],
});

function setUp(): { h: DatagramHarness; redirects: Redirects; clock: { now: number } } {
  const h = new DatagramHarness(3);
  h.setServices([service], { trustMicros: 0 });
  const clock = { now: 0 };
  const redirects = new Redirects(h.engine.site, h.engine.races, () => clock.now);
  redirects.setServices([service]);
  return { h, redirects, clock };
}

function viewed(bytes: Uint8Array): { bytes: Uint8Array; view: DataView; at: number } {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), at: 0 };
}

/** The copy of a route as it leaves; null: it does not. */
function copy(h: DatagramHarness, redirects: Redirects, route: number): Uint8Array | null {
  const space = viewed(new Uint8Array(1500));
  const length = new PacketBuilder(h.engine.site, h.engine.shard).copy(h.race, route, space);
  return redirects.turn(h.race, route, space, length) ? space.bytes.slice(0, length) : null;
}

function read(bytes: Uint8Array): ReturnType<typeof createPacket> {
  const packet = createPacket();
  expect(decode(packet, viewed(bytes), 0, bytes.length)).toBe(DECODE.OK);
  return packet;
}

describe.each([
  ['IPv4', { address: words('10.0.0.2'), port: 40_000 }, { address: words('198.51.100.1'), port: 53 }, OWN],
  ['IPv6', { address: words('fd00::2'), port: 40_000 }, { address: words('2001:db8::53'), port: 53 }, OWN6],
] as const)('%s', (_, client: Endpoint, server: Endpoint, own) => {
  it('a question goes to the route’s own, to the byte but for the address; by other routes as it is', () => {
    const { h, redirects } = setUp();
    h.flow = { client, server };
    h.send(dns.query());
    expect([...read(copy(h, redirects, 1)!).destination]).toEqual([...server.address]);
    const turned = copy(h, redirects, 2)!;
    expect([...read(turned).destination]).toEqual([...own]);
    const back = viewed(turned);
    expect(turnDatagram(back, turned.length, DESTINATION, server.address, 0)).toBe(true);
    expect([...turned]).toEqual([...h.asCopied(2, dns.query())]);
  });

  it('its answer is the asked one’s, with right checksums, for as long as anybody waits', () => {
    const { h, redirects, clock } = setUp();
    h.flow = { client, server };
    h.send(dns.query());
    copy(h, redirects, 2);
    const { attemptAddress, attemptPort } = h.engine.races;
    const at = h.engine.races.attempt(h.race, 2);
    const local = { address: attemptAddress.slice(at * 4, at * 4 + 4), port: attemptPort[at] };
    const answer = (): Uint8Array => datagram({ address: own, port: 53 }, local, dns.yes());
    const restored = (bytes: Uint8Array): ReturnType<typeof createPacket> => {
      const packet = read(bytes);
      redirects.restore(packet, bytes, viewed(bytes).view);
      return packet;
    };
    const bytes = answer();
    expect([...restored(bytes).source]).toEqual([...server.address]);
    expect([...read(bytes).source]).toEqual([...server.address]);
    // Nor is anybody else taken for it.
    const other = datagram({ address: own, port: 53 }, { ...local, port: local.port + 1 }, dns.yes());
    expect([...restored(other).source]).toEqual([...own]);
    clock.now = LASTS;
    expect([...restored(answer()).source]).toEqual([...own]);
  });
});

it('what is no question to a name server stays', () => {
  const { h, redirects } = setUp();
  h.flow = { ...h.flow, server: { address: words('198.51.100.1'), port: 123 } };
  h.send(ntp.question());
  expect([...read(copy(h, redirects, 2)!).destination]).toEqual([...words('198.51.100.1')]);
  expect(redirects.of(h.race, 2)).toBeNull();
});

it('two that would be one to the resolver: the second leaves by the other routes alone', () => {
  const { h, redirects, clock } = setUp();
  h.send(dns.query());
  expect(copy(h, redirects, 2)).not.toBeNull();
  // Its own repeat is no other.
  expect(copy(h, redirects, 2)).not.toBeNull();
  h.flow = { ...h.flow, server: { address: words('198.51.100.2'), port: 53 } };
  h.send(dns.query());
  expect(copy(h, redirects, 2)).toBeNull();
  expect(copy(h, redirects, 1)).not.toBeNull();
  clock.now = LASTS;
  expect(copy(h, redirects, 2)).not.toBeNull();
});

it('a question that has one route is a copy all the same, so that it can be turned', () => {
  const { h } = setUp();
  h.setRoutes(h.engine.routes.map((route) => (route.number === 2 ? route : { ...route, admin: 'disabled' })));
  h.send(dns.query(), { routed: 2 });
  expect(h.by).toEqual([2]);
  h.setServices([serviceOver([1, 2, 3])], { trustMicros: 0 });
  h.send(dns.query(), { routed: 2, client: { address: words('10.0.0.9'), port: 40_001 } });
  expect(h.by).toEqual([]);
});

it('a datagram without a checksum stays without; what is none is left alone', () => {
  const server = { address: words('198.51.100.1'), port: 53 };
  const bytes = datagram({ address: words('10.0.0.2'), port: 1 }, server, dnsName('a.test'));
  bytes[26] = bytes[27] = 0;
  expect(turnDatagram(viewed(bytes), bytes.length, SOURCE, OWN, 0)).toBe(true);
  expect([bytes[26], bytes[27]]).toEqual([0, 0]);
  expect([...read(bytes).source]).toEqual([...OWN]);
  const other = Uint8Array.from(bytes);
  other[9] = 6;
  expect(turnDatagram(viewed(other), other.length, SOURCE, OWN, 0)).toBe(false);
  expect(turnDatagram(viewed(other), 20, SOURCE, OWN, 0)).toBe(false);
});
