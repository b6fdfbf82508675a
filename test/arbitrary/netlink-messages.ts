/** Messages as the kernel sends them, and damaged ones. */
import fc from 'fast-check';

export type Attribute = { readonly type: number; readonly value: Uint8Array | readonly Attribute[] };

export function attribute(type: number, value: readonly number[] | readonly Attribute[]): Attribute {
  const nested = value.length > 0 && typeof value[0] !== 'number';
  return { type, value: nested ? (value as Attribute[]) : Uint8Array.from(value as number[]) };
}

/** Attributes as bytes: length and type in host order, padded to four bytes. */
export function attributes(list: readonly Attribute[]): number[] {
  return list.flatMap(({ type, value }) => {
    const nested = !(value instanceof Uint8Array);
    const body = nested ? attributes(value) : [...value];
    const length = body.length + 4;
    while (body.length % 4 !== 0) body.push(0);
    const kind = nested ? type | 0x8000 : type;
    return [length & 255, length >> 8, kind & 255, kind >> 8, ...body];
  });
}

/** A whole message: header, body. */
export function message(type: number, flags: number, sequence: number, body: readonly number[]): number[] {
  const length = 16 + body.length;
  const header = new DataView(new ArrayBuffer(16));
  header.setUint32(0, length, true);
  header.setUint16(4, type, true);
  header.setUint16(6, flags, true);
  header.setUint32(8, sequence, true);
  const padding = new Array<number>((4 - (length % 4)) % 4).fill(0);
  return [...new Uint8Array(header.buffer), ...body, ...padding];
}

const octet = fc.integer({ min: 0, max: 255 });
const bytesOf = (length: number) => fc.array(octet, { minLength: length, maxLength: length });

/** The body of a queued packet, with the attributes in any order and some of them missing. */
export const queuedBody: fc.Arbitrary<number[]> = fc
  .record({
    id: bytesOf(4),
    mark: bytesOf(4),
    device: bytesOf(4),
    payload: fc.array(octet, { maxLength: 90 }),
    wire: bytesOf(4),
    order: fc.shuffledSubarray([0, 1, 2, 3, 4, 5]),
  })
  .map(({ id, mark, device, payload, wire, order }) => {
    const all = [
      attribute(1, [...id, 0x08, 0x00, 1]),
      attribute(3, mark),
      attribute(5, device),
      attribute(10, payload),
      attribute(13, wire),
      attribute(9, [0, 6, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0]),
    ];
    return [2, 0, 0x13, 0xba, ...attributes(order.map((i) => all[i]))];
  });

/** The body of a conntrack entry, with the attributes in any order and some of them missing. */
export const entryBody: fc.Arbitrary<number[]> = fc
  .record({
    is4: fc.boolean(),
    addresses: bytesOf(64),
    ports: bytesOf(8),
    mark: bytesOf(4),
    state: octet,
    order: fc.shuffledSubarray([0, 1, 2, 3, 4]),
  })
  .map(({ is4, addresses, ports, mark, state, order }) => {
    const size = is4 ? 4 : 16;
    const tuple = (type: number, n: number): Attribute =>
      attribute(type, [
        attribute(1, [
          attribute(is4 ? 1 : 3, addresses.slice(n * 32, n * 32 + size)),
          attribute(is4 ? 2 : 4, addresses.slice(n * 32 + 16, n * 32 + 16 + size)),
        ]),
        attribute(2, [
          attribute(1, [6]),
          attribute(2, ports.slice(n * 4, n * 4 + 2)),
          attribute(3, ports.slice(n * 4 + 2, n * 4 + 4)),
        ]),
      ]);
    const all = [
      tuple(1, 0),
      tuple(2, 1),
      attribute(8, mark),
      attribute(4, [attribute(1, [attribute(1, [state]), attribute(2, [7])])]),
      attribute(3, [0, 0, 1, 0x8e]),
    ];
    return [is4 ? 2 : 10, 0, 0, 0, ...attributes(order.map((i) => all[i]))];
  });

/** The bytes with some of them changed, cut, or anything at all. */
export function damaged(body: fc.Arbitrary<number[]>): fc.Arbitrary<Uint8Array> {
  const small = fc.constantFrom(0, 1, 2, 3, 4, 5, 8, 255);
  return fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) },
    {
      weight: 5,
      arbitrary: fc
        .tuple(
          body,
          fc.array(fc.tuple(fc.nat(), fc.oneof(octet, small)), { maxLength: 4 }),
          fc.option(fc.nat()),
        )
        .map(([bytes, changes, length]) => {
          const copy = Uint8Array.from(bytes);
          for (const [at, value] of changes) copy[at % copy.length] = value;
          return length === null ? copy : copy.slice(0, length % (copy.length + 1));
        }),
    },
  );
}
