/** First packets that nobody sends are what a decoder takes for real ones. */
import { describe, expect, it } from 'vitest';
import { FIRST_PROTOCOLS, type FirstProtocol, firstPacket } from '../../src/wire/first-packets.js';
import { createPacket, DECODE, decode } from '../../src/wire/packet.js';
import { viewed } from '../../src/wire/viewed-bytes.js';
import { words } from '../arbitrary/wire-tools.js';

const ENDS = [
  [4, '10.0.0.2', '198.51.100.7'],
  [6, 'fd00::2', '2001:db8::7'],
] as const;

describe.each(ENDS)('a first packet of IPv%i', (family, client, destination) => {
  it.each(Object.keys(FIRST_PROTOCOLS) as FirstProtocol[])('of %s is whole, and has its ends', (protocol) => {
    const packet = firstPacket({
      client: words(client),
      clientPort: 40_000,
      destination: words(destination),
      port: 443,
      protocol,
      speaks: null,
    });
    const again = createPacket();
    const hasPorts = protocol === 'tcp' || protocol === 'udp';
    const result = decode(again, viewed(packet.bytes), packet.start, packet.end);
    expect(result).toBe(hasPorts ? DECODE.OK : DECODE.PROTOCOL);
    expect(again).toMatchObject({ family, protocol: FIRST_PROTOCOLS[protocol] });
    expect([again.sourcePort, again.destinationPort]).toEqual(hasPorts ? [40_000, 443] : [0, 0]);
    expect([...again.destination]).toEqual([...words(destination)]);
  });
});
