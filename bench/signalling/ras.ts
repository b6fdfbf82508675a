/** RAS messages of H.225.0 to test and fuzz with, written field by field. */
import {
  A,
  address4,
  address6,
  aliases,
  callIdentifier,
  endpointType,
  GUID,
  V6,
  VERSION,
  type Write,
} from './h225.js';
import { encodedPer } from './per-writer.js';

const name: Write = (w) => w.bits(1, 7).align().raw([0, 0x67, 0, 0x6b]);
const lists =
  (...all: readonly Write[]): Write =>
  (w) => {
    w.length(all.length);
    for (const one of all) one(w);
  };

export const GRQ = encodedPer((w) =>
  w
    .flags('0 00000 0 0011')
    .word(1 - 1)
    .octets(VERSION)
    .with(address4(A, 1719))
    .with(endpointType)
    .flags('0 1010101 0 11')
    .with(aliases),
);
export const RRQ = encodedPer((w) =>
  w
    .flags('0 00011 1 011')
    .word(2 - 1)
    .octets(VERSION)
    .flags('1')
    .with(lists(address4(A, 1720), address6(V6, 1720)))
    .with(lists(address4(A, 1719)))
    .with(endpointType)
    .with(aliases)
    .with(name)
    .flags('0 00 0')
    .raw([0xb5, 0])
    .word(1)
    .extensions([
      null,
      encodedPer((inner) => inner.bits(1, 2).raw([0x0e, 0x10 - 1])),
      null,
      null,
      null,
      Uint8Array.of(0x80),
    ]),
);
export const RCF = encodedPer((w) =>
  w
    .flags('0 00100 1 000')
    .word(2 - 1)
    .octets(VERSION)
    .with(lists(address4([203, 0, 113, 9], 1720)))
    .with(name)
    .extensions([null, encodedPer((inner) => inner.bits(0, 2).raw([60 - 1]))]),
);
export const URQ = encodedPer((w) =>
  w
    .flags('0 00110 0 001')
    .word(3 - 1)
    .with(lists(address4(A, 1720)))
    .with(name),
);
export const ARQ = encodedPer((w) =>
  w
    .flags('0 01001 1 1110101')
    .word(4 - 1)
    .flags('0 00')
    .flags('0 1')
    .with(name)
    .with(aliases)
    .with(address4([203, 0, 113, 9], 1720))
    .with(aliases)
    .with(address4(A, 3001))
    .bits(1, 2)
    .raw([5, 0])
    .word(77)
    .flags('0 1010101 0 11')
    .raw(GUID)
    .flags('0 0')
    .extensions([Uint8Array.of(0), callIdentifier]),
);
export const ACF = encodedPer((w) =>
  w
    .flags('0 01010 0 10')
    .word(4 - 1)
    .bits(1, 2)
    .raw([5, 0])
    .flags('0 0')
    .with(address4([203, 0, 113, 10], 1720))
    .word(10 - 1),
);
export const DRQ = encodedPer((w) =>
  w
    .flags('0 01111 1 0')
    .word(5 - 1)
    .with(name)
    .raw(GUID)
    .word(77)
    .flags('0 01')
    .extensions([callIdentifier]),
);
export const LRQ = encodedPer((w) =>
  w
    .flags('0 10010 0 10')
    .word(6 - 1)
    .with(name)
    .with(aliases)
    .with(address4(A, 1719)),
);
export const LCF = encodedPer((w) =>
  w
    .flags('0 10011 0 0')
    .word(6 - 1)
    .with(address6(V6, 1720))
    .with(address4([203, 0, 113, 9], 1719)),
);
export const DCF = encodedPer((w) => w.flags('0 10000 0 0').word(5 - 1));
export const RIP = encodedPer((w) =>
  w
    .flags('1 0')
    .bits(0, 6)
    .octets(
      encodedPer((inner) =>
        inner
          .flags('0 0000')
          .word(4 - 1)
          .word(3000 - 1),
      ),
    ),
);
export const IRR = encodedPer((w) => w.flags('0 10110 0 000').word(8).raw([1, 2, 3]));
export const RAS: readonly Uint8Array[] = [GRQ, RRQ, RCF, URQ, ARQ, ACF, DRQ, LRQ, LCF, DCF, RIP, IRR];
