/** Packets that races keep: flights, refusals, and the room for them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SetupStore } from '../../src/core/packets/setup-store.js';
import { DATAGRAM } from '../../src/core/protocols/datagram.js';
import { MAX_SETUP_LENGTH, type StoredSetup } from '../../src/wire/build.js';
import { createPacket, type Packet } from '../../src/wire/packet.js';
import { MAX_DATAGRAM_LENGTH } from '../../src/wire/udp.js';
import { viewed } from '../../src/wire/viewed-bytes.js';

const forms = DATAGRAM.packets;
const FLIGHT = 4;

/** Every race has a flight, and another one when that is over. */
class FlightStore extends SetupStore {
  constructor(races: number) {
    super(races);
    for (let race = 0; race < races; race++) this.openFlight(race);
  }

  override release(race: number): void {
    super.release(race);
    this.openFlight(race);
  }
}

/** A packet of so many bytes, all of them `fill`, between others. */
function packetOf(fill: number, length = 400): Packet {
  const packet = createPacket();
  const bytes = new Uint8Array(length + 20).fill(0xee);
  bytes.fill(fill, 10, 10 + length);
  Object.assign(packet, viewed(bytes), { start: 10, end: 10 + length });
  return packet;
}

/** What is kept: its byte and how often, as a text; a packet of different bytes is none of ours. */
function shown({ bytes, at, length }: StoredSetup): string {
  if (length === 0) return '';
  const kept = new Set(bytes.subarray(at, at + length));
  return kept.size === 1 ? `${[...kept][0]}*${length}` : 'mixed';
}

function flightOf(store: SetupStore, race: number): string[] {
  return Array.from({ length: store.countOf(race) }, (_, i) => shown(store.of(race, i)));
}

/** How many long packets there is room for: found out with the refusals of a store of its own races, which are given back. */
function roomOf(store: SetupStore, spare: readonly number[]): number {
  let room = 0;
  for (const race of spare) {
    const took = store.keepRefusal(race, packetOf(1, MAX_DATAGRAM_LENGTH), {
      question: 0,
      route: 1,
      rank: 1,
    });
    if (took) room++;
  }
  for (const race of spare) store.release(race);
  return room;
}

describe('a flight', () => {
  it('is kept as it came, in its order', () => {
    const store = new FlightStore(8);
    expect(store.countOf(3)).toBe(0);
    expect(store.keep(3, forms, packetOf(1, 60))).toBe(true);
    expect(store.add(3, forms, packetOf(2, 1500))).toBe(1);
    expect(store.add(3, forms, packetOf(3, 61))).toBe(2);
    expect(store.add(3, forms, packetOf(4, 1200))).toBe(3);
    expect(flightOf(store, 3)).toEqual(['1*60', '2*1500', '3*61', '4*1200']);
  });

  it('when there are too many the last one gives way', () => {
    const store = new FlightStore(8);
    store.keep(0, forms, packetOf(1));
    for (let n = 2; n <= 9; n++)
      expect(store.add(0, forms, packetOf(n, 100 * n))).toBe(Math.min(n, FLIGHT) - 1);
    expect(flightOf(store, 0)).toEqual(['1*400', '2*200', '3*300', '9*900']);
  });

  it('begins anew with what takes its place, shorter or longer', () => {
    const store = new FlightStore(8);
    store.keep(0, forms, packetOf(1, 1200));
    store.add(0, forms, packetOf(2));
    for (const length of [MAX_SETUP_LENGTH, MAX_SETUP_LENGTH + 1, 20, 1500]) {
      expect(store.keep(0, forms, packetOf(7, length))).toBe(true);
      expect(flightOf(store, 0)).toEqual([`7*${length}`]);
    }
  });

  it('a packet that is too long is not kept, and nothing else is harmed', () => {
    const store = new FlightStore(8);
    expect(store.keep(1, forms, packetOf(1, MAX_DATAGRAM_LENGTH + 1))).toBe(false);
    store.keep(1, forms, packetOf(1));
    expect(store.add(1, forms, packetOf(2, MAX_DATAGRAM_LENGTH + 1))).toBe(-1);
    expect(
      store.keepRefusal(1, packetOf(3, MAX_DATAGRAM_LENGTH + 1), { question: 0, route: 1, rank: 3 }),
    ).toBe(false);
    expect(flightOf(store, 1)).toEqual(['1*400']);
    expect(store.refusalOf(1, 0).length).toBe(0);
  });

  it('of one race has nothing to do with that of its neighbours', () => {
    const store = new FlightStore(4);
    for (const race of [0, 1, 2, 3]) store.keep(race, forms, packetOf(race + 1, 100 + 20 * race));
    store.add(2, forms, packetOf(9, 150));
    store.keepRefusal(1, packetOf(8, 90), { question: 0, route: 1, rank: 1 });
    store.release(3);
    expect([0, 1, 2, 3].map((race) => flightOf(store, race))).toEqual([
      ['1*100'],
      ['2*120'],
      ['3*140', '9*150'],
      [],
    ]);
  });
});

describe('a refusal', () => {
  it.each([
    [[1, 2, 3], 3],
    [[3, 2, 1], 3],
    [[2, 3, 1], 3],
    [[2, 2, 1], 2],
  ])('%j: that which says most is kept, the first of its rank', (ranks, best) => {
    const store = new FlightStore(4);
    for (const [i, rank] of ranks.entries())
      expect(
        store.keepRefusal(0, packetOf(10 * rank + i, 300 + i), { question: 0, route: 1, rank: rank }),
      ).toBe(true);
    const first = ranks.indexOf(best);
    expect(shown(store.refusalOf(0, 0))).toBe(`${10 * best + first}*${300 + first}`);
  });

  it('of a race that is over is none of the next one’s', () => {
    const store = new FlightStore(4);
    store.keepRefusal(0, packetOf(1), { question: 0, route: 1, rank: 3 });
    store.release(0);
    expect(store.refusalOf(0, 0).length).toBe(0);
    store.keepRefusal(0, packetOf(2), { question: 0, route: 1, rank: 1 });
    expect(shown(store.refusalOf(0, 0))).toBe('2*400');
  });

  it('short ones have no place of their own: they are kept among the long ones', () => {
    const store = new FlightStore(1);
    store.keep(0, forms, packetOf(1, 50));
    expect(store.keepRefusal(0, packetOf(2, 40), { question: 0, route: 1, rank: 1 })).toBe(true);
    expect(flightOf(store, 0)).toEqual(['1*50']);
    expect(shown(store.refusalOf(0, 0))).toBe('2*40');
  });
});

describe('room', () => {
  it('short set-ups always have it; long ones as many as there are races', () => {
    const store = new FlightStore(3);
    expect(store.keep(0, forms, packetOf(1, 1200))).toBe(true);
    expect(store.add(0, forms, packetOf(2, 1200))).toBe(1);
    expect(store.add(0, forms, packetOf(3, 1200))).toBe(2);
    expect(store.add(0, forms, packetOf(4, 1200))).toBe(-1);
    expect(store.keepRefusal(0, packetOf(5, 100), { question: 0, route: 1, rank: 3 })).toBe(false);
    expect(store.keep(1, forms, packetOf(6, MAX_SETUP_LENGTH + 1))).toBe(false);
    expect(store.keep(1, forms, packetOf(6, MAX_SETUP_LENGTH))).toBe(true);
    store.release(0);
    expect(roomOf(store, [0, 2])).toBe(2);
    expect(store.keep(2, forms, packetOf(7, 1200))).toBe(true);
  });

  it('no more than 4096 long ones, however many races there are', () => {
    const store = new FlightStore(5000);
    let kept = 0;
    for (let race = 0; race < 5000; race++) if (store.keep(race, forms, packetOf(1, 200))) kept++;
    expect(kept).toBe(4096);
    store.release(17);
    expect(store.keep(4999, forms, packetOf(1, 200))).toBe(true);
    expect(store.keep(4998, forms, packetOf(1, 200))).toBe(false);
  });

  // `keep` forgets the flight before it knows that there is room.
  it('without it a race keeps what it has', () => {
    const store = new FlightStore(1);
    store.keep(0, forms, packetOf(1, 60));
    store.add(0, forms, packetOf(2, 60));
    expect(store.keep(0, forms, packetOf(3, 1200))).toBe(false);
    expect(flightOf(store, 0)).toEqual(['1*60', '2*60']);
  });
});

const RACES = 4;
type Step =
  | { do: 'keep' | 'add'; race: number; length: number }
  | { do: 'refuse'; race: number; length: number; rank: number }
  | { do: 'release'; race: number };

const race = fc.nat(RACES - 1);
const length = fc.constantFrom(28, 60, MAX_SETUP_LENGTH, MAX_SETUP_LENGTH + 1, 400, 1500, 1501);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('keep' as const), race, length }),
  fc.record({ do: fc.constant('add' as const), race, length }),
  fc.record({ do: fc.constant('refuse' as const), race, length, rank: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ do: fc.constant('release' as const), race }),
);

/** What is in a store, by a table that does nothing cleverly. */
class Oracle {
  readonly flights: string[][] = Array.from({ length: RACES }, () => []);
  readonly refusals: { text: string; rank: number }[] = Array.from({ length: RACES }, () => NONE);

  take(each: Step, done: boolean, text: string): void {
    const flight = this.flights[each.race];
    switch (each.do) {
      case 'release':
        this.flights[each.race] = [];
        this.refusals[each.race] = NONE;
        break;
      case 'keep':
        if (done) this.flights[each.race] = [text];
        break;
      case 'add':
        if (done) flight[Math.min(flight.length, FLIGHT - 1)] = text;
        break;
      case 'refuse':
        if (done && each.rank > this.refusals[each.race].rank)
          this.refusals[each.race] = { text, rank: each.rank };
    }
  }
}
const NONE = { text: '', rank: 0 };

describe('any program', () => {
  it('leaves what was kept last, and gives back every place', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (program) => {
        const store = new FlightStore(RACES);
        const oracle = new Oracle();
        for (const [i, each] of program.entries()) {
          const packet = each.do === 'release' ? null : packetOf(i + 1, each.length);
          let done = true;
          if (packet === null) store.release(each.race);
          else if (each.do === 'keep') done = store.keep(each.race, forms, packet);
          else if (each.do === 'add') done = store.add(each.race, forms, packet) >= 0;
          else if (each.do === 'refuse')
            done = store.keepRefusal(each.race, packet, { question: 0, route: 1, rank: each.rank });
          oracle.take(each, done, packet === null ? '' : `${i + 1}*${packet.end - packet.start}`);
          for (let n = 0; n < RACES; n++) {
            expect(flightOf(store, n)).toEqual(oracle.flights[n]);
            expect(shown(store.refusalOf(n, 0))).toBe(oracle.refusals[n].text);
          }
        }
        for (let n = 0; n < RACES; n++) store.release(n);
        expect(roomOf(store, [0, 1, 2, 3])).toBe(RACES);
        // And no place twice: all hold what they were given.
        for (let n = 0; n < RACES; n++) expect(store.keep(n, forms, packetOf(n + 1, 1500))).toBe(true);
        for (let n = 0; n < RACES; n++) expect(flightOf(store, n)).toEqual([`${n + 1}*1500`]);
      }),
    );
  });
});
