/** The engine's effects as packets: what a front end makes of `attempt`, `cancel`, `refuse` and `reject`. */
import type { Engine } from '../core/engine.js';
import type { RaceId, RouteNumber } from '../core/engine-types.js';
import { EVIDENCE_RST } from '../core/race/table.js';
import type { AddressWords, Family } from '../model/address.js';
import {
  buildCopy,
  buildIcmpError,
  buildReset,
  type Ends,
  MAX_BUILT_LENGTH,
  MAX_SETUP_LENGTH,
} from '../wire/build.js';
import type { Packet } from '../wire/packet.js';
import type { Endpoint } from './packets.js';

/** IP and TCP header without options, per family: what an MTU leaves for a segment. */
const HEADERS = { 4: 40, 6: 60 } as const;

const scratch = new Uint8Array(MAX_BUILT_LENGTH);
const scratchView = new DataView(scratch.buffer);

/** The copy of a race's set-up packet for a route. */
export function copyPacket(engine: Engine, race: RaceId, route: RouteNumber): Uint8Array {
  const { races } = engine;
  const config = engine.routes[route - 1];
  const fields = {
    source: races.attemptAddress,
    sourceAt: races.attempt(race, route) * 4,
    sourcePort: sourcePort(engine, race, route),
    mss: engine.mtuOf(config, races.destination, race * 4) - HEADERS[races.family[race] as Family],
  };
  const { setup, setupLength } = races;
  return taken(buildCopy(setup, race * MAX_SETUP_LENGTH, setupLength[race], fields, scratch, scratchView, 0));
}

/** The exact reset for an attempt. */
export function cancelPacket(engine: Engine, race: RaceId, route: RouteNumber, sequence: number): Uint8Array {
  const { races } = engine;
  const ends: Ends = {
    family: races.family[race] as Family,
    source: races.attemptAddress,
    sourceAt: races.attempt(race, route) * 4,
    sourcePort: sourcePort(engine, race, route),
    destination: races.destination,
    destinationAt: race * 4,
    destinationPort: races.destinationPort[race],
  };
  return taken(buildReset(ends, sequence, null, scratch, scratchView, 0));
}

/** The reset for a SYN+ACK that belongs to no race. */
export function refusalPacket(packet: Packet): Uint8Array {
  const ends: Ends = {
    family: packet.family,
    source: packet.destination,
    sourceAt: 0,
    sourcePort: packet.destinationPort,
    destination: packet.source,
    destinationAt: 0,
    destinationPort: packet.sourcePort,
  };
  return taken(buildReset(ends, packet.acknowledgement, null, scratch, scratchView, 0));
}

/** The error of a route, to the client's own tuple and about the client's own packet. */
export function rejectPacket(engine: Engine, race: RaceId, route: RouteNumber): Uint8Array {
  const { races } = engine;
  const at = races.attempt(race, route);
  const evidence = races.attemptEvidence[at];
  const words = races.attemptEvidenceWords;
  const isReset = evidence === EVIDENCE_RST;
  const ends: Ends = {
    family: races.family[race] as Family,
    source: isReset ? races.destination : words,
    sourceAt: isReset ? race * 4 : at * 4,
    sourcePort: races.destinationPort[race],
    destination: races.client,
    destinationAt: race * 4,
    destinationPort: races.clientPort[race],
  };
  if (isReset) return taken(buildReset(ends, words[at * 4], words[at * 4 + 1], scratch, scratchView, 0));
  const length = buildIcmpError(
    ends,
    evidence >>> 8,
    evidence & 255,
    races.setup,
    race * MAX_SETUP_LENGTH,
    races.setupLength[race],
    scratch,
    scratchView,
    0,
  );
  return taken(length);
}

/** The three ends of a flow that `route` has won. */
export function endpointsOf(
  engine: Engine,
  race: RaceId,
  route: RouteNumber,
): { client: Endpoint; destination: Endpoint; source: Endpoint } {
  const { races } = engine;
  return {
    client: { address: four(races.client, race * 4), port: races.clientPort[race] },
    destination: { address: four(races.destination, race * 4), port: races.destinationPort[race] },
    source: {
      address: four(races.attemptAddress, races.attempt(race, route) * 4),
      port: sourcePort(engine, race, route),
    },
  };
}

function sourcePort(engine: Engine, race: RaceId, route: RouteNumber): number {
  return engine.translates(race, route) ? engine.races.natPort[race] : engine.races.clientPort[race];
}

function four(words: AddressWords, at: number): AddressWords {
  return words.slice(at, at + 4);
}

function taken(length: number): Uint8Array {
  return scratch.slice(0, length);
}
