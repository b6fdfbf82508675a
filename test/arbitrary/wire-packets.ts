/** Packets of all shapes for property tests: right ones, and ones with something wrong. */
import fc from 'fast-check';
import {
  type Bytes,
  icmpPacket,
  type TcpFields,
  tcpPacket,
  type UdpFields,
  udpPacket,
} from '../../bench/fuzz-packets.js';

const port = fc.integer({ min: 1, max: 65535 });
const word = fc.integer({ min: 0, max: 0xffffffff });
const octet = fc.integer({ min: 0, max: 255 });

const ipv4 = fc.tuple(fc.integer({ min: 1, max: 126 }), octet, octet, octet).map((address) => [...address]);
const ipv6 = fc.array(octet, { minLength: 15, maxLength: 15 }).map((rest) => [0x20, ...rest]);

function option(kind: number, body: readonly number[]): number[] {
  return [kind, body.length + 2, ...body];
}

const bytesOf = (length: number) => fc.array(octet, { minLength: length, maxLength: length });

/** One well-formed TCP option. */
const tcpOption = fc.oneof(
  fc.constant([1]),
  bytesOf(2).map((value) => option(2, value)),
  bytesOf(1).map((value) => option(3, value)),
  fc.constant(option(4, [])),
  bytesOf(8).map((value) => option(8, value)),
  fc.integer({ min: 0, max: 8 }).chain((n) => bytesOf(n).map((cookie) => option(34, cookie))),
  bytesOf(4).map((cookie) => option(254, [0xf9, 0x89, ...cookie])),
  bytesOf(4).map((value) => option(254, value)),
  bytesOf(10).map((value) => option(30, [0x01, ...value.slice(1)])),
  bytesOf(3).map((value) => option(253, value)),
);

/** At most 40 bytes of options, padded with no-operations or ended early. */
const tcpOptions = fc.tuple(fc.array(tcpOption, { maxLength: 7 }), fc.boolean()).map(([list, end]) => {
  const bytes: number[] = [];
  for (const one of list) if (bytes.length + one.length <= 40) bytes.push(...one);
  while (bytes.length % 4 !== 0) bytes.push(end ? 0 : 1);
  return bytes;
});

const extension = fc.record({
  type: fc.constantFrom(0, 43, 60),
  body: fc.integer({ min: 0, max: 2 }).chain((n) => bytesOf(6 + 8 * n)),
});

/** A valid TCP packet, most often a SYN. IPv4 without options, as those are never copied. */
export const tcpFields: fc.Arbitrary<TcpFields> = fc.boolean().chain((is4) => {
  const address = is4 ? ipv4 : ipv6;
  return fc.record({
    source: address,
    destination: address,
    ttl: fc.integer({ min: 2, max: 255 }),
    identification: fc.integer({ min: 0, max: 0xffff }),
    trafficClass: octet,
    extensions: is4 ? fc.constant([]) : fc.array(extension, { maxLength: 2 }),
    sourcePort: port,
    destinationPort: port,
    sequence: word,
    acknowledgement: word,
    flags: fc.constantFrom(0x02, 0x02, 0x02, 0xc2, 0x12, 0x10, 0x18, 0x04, 0x14, 0x11),
    window: fc.integer({ min: 0, max: 0xffff }),
    urgent: fc.integer({ min: 0, max: 0xffff }),
    tcpOptions,
    payload: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(octet, { maxLength: 40 }) },
    ),
  });
});

/** SYNs that a race may copy. */
export const setupFields = tcpFields.map(
  (fields): TcpFields => ({ ...fields, flags: 0x02 | (fields.flags & 0xc0) }),
);

/** Valid datagrams, some with bytes behind their payload. */
export const udpFields: fc.Arbitrary<UdpFields> = fc.boolean().chain((is4) => {
  const address = is4 ? ipv4 : ipv6;
  return fc.record({
    source: address,
    destination: address,
    ttl: fc.integer({ min: 2, max: 255 }),
    identification: fc.integer({ min: 0, max: 0xffff }),
    trafficClass: octet,
    options: is4 ? fc.constantFrom([], [], [7, 7, 4, 0, 0, 0, 0, 0]) : fc.constant([]),
    extensions: is4 ? fc.constant([]) : fc.array(extension, { maxLength: 2 }),
    sourcePort: port,
    destinationPort: port,
    payload: fc.array(octet, { maxLength: 200 }),
    surplus: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(octet, { maxLength: 12 })),
  });
});

/** Valid ICMP and ICMPv6 errors that quote a TCP packet. */
export const icmpBytes: fc.Arbitrary<Bytes> = fc
  .record({
    inner: tcpFields,
    code: fc.integer({ min: 0, max: 15 }),
    word,
    kind: fc.integer({ min: 0, max: 2 }),
    cut: fc.integer({ min: 0, max: 60 }),
  })
  .map(({ inner, code, word: second, kind, cut }) => {
    const is4 = inner.source.length === 4;
    const quoted = tcpPacket({ ...inner, extensions: [] });
    const quote = [...quoted.subarray(0, Math.max(is4 ? 28 : 48, quoted.length - cut))];
    const type = (is4 ? [3, 11, 12] : [1, 2, 3])[kind];
    return icmpPacket({
      source: inner.destination,
      destination: inner.source,
      type,
      code,
      word: second,
      quote,
    });
  });

/** Any valid packet. */
export const packetBytes: fc.Arbitrary<Bytes> = fc.oneof(tcpFields.map(tcpPacket), icmpBytes);

/** A packet with changed bytes, cut or grown; or nothing like a packet. */
export const hostileBytes: fc.Arbitrary<Bytes> = fc.oneof(
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 120 }) },
  {
    weight: 6,
    arbitrary: fc
      .record({
        packet: fc.oneof(packetBytes, packetBytes, udpFields.map(udpPacket)),
        changes: fc.array(fc.tuple(fc.nat(), octet), { maxLength: 4 }),
        length: fc.option(fc.nat(), { freq: 4 }),
        grow: fc.constantFrom(0, 0, 0, 1, 7, 30),
      })
      .map(({ packet, changes, length, grow }) => {
        const bytes = new Uint8Array(packet.length + grow);
        bytes.set(packet);
        for (const [at, value] of changes) bytes[at % packet.length] = value;
        return length === null ? bytes : bytes.slice(0, length % (bytes.length + 1));
      }),
  },
);
