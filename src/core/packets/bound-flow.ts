/** The flow that a race has decided, as a connection table takes it. */
import { type AddressWords, type Family, sameAddress } from '../../model/address.js';
import type { RaceId, RouteNumber } from '../engine-types.js';
import { ENDS } from '../race/ends.js';
import type { RaceTable } from '../race/table.js';

/** The three ends of a flow: four words each at their places, and ports. */
export interface BoundFlow {
  /** Number of its IP protocol: TCP or UDP. */
  protocol: number;
  family: Family;
  client: AddressWords;
  clientAt: number;
  clientPort: number;
  destination: AddressWords;
  destinationAt: number;
  destinationPort: number;
  /** false: `source` is the client's own address and port. */
  translated: boolean;
  /** The client's end as the route shows it. */
  source: AddressWords;
  sourceAt: number;
  sourcePort: number;
}

/** An empty one, with addresses of its own. */
export function createBoundFlow(): BoundFlow {
  return {
    protocol: 0,
    family: 4,
    client: new Int32Array(4),
    clientAt: 0,
    clientPort: 0,
    destination: new Int32Array(4),
    destinationAt: 0,
    destinationPort: 0,
    translated: true,
    source: new Int32Array(4),
    sourceAt: 0,
    sourcePort: 0,
  };
}

/** Fills `flow` with that of a race on a route: what its copies left with. */
export function fillBoundFlow(races: RaceTable, race: RaceId, route: RouteNumber, flow: BoundFlow): void {
  const at = races.attempt(race, route);
  flow.protocol = races.transport[race];
  flow.family = races.family[race] as Family;
  flow.client = races.client;
  flow.clientAt = race * 4;
  flow.clientPort = races.clientPort[race];
  flow.destination = races.destination;
  flow.destinationAt = race * 4;
  flow.destinationPort = races.destinationPort[race];
  flow.translated =
    races.attemptEnds[at] === ENDS.FLOW ? isTranslated(races, race, at) : races.attemptEnds[at] !== ENDS.OWN;
  flow.source = races.attemptAddress;
  flow.sourceAt = at * 4;
  flow.sourcePort = races.attemptPort[at];
}

function isTranslated(races: RaceTable, race: RaceId, at: number): boolean {
  const keepsAddress = sameAddress(races.attemptAddress, at * 4, races.client, race * 4);
  return !keepsAddress || races.attemptPort[at] !== races.clientPort[race];
}
