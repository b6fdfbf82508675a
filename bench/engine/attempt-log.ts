/** The last attempts that have left, as they left: for answers that come later, whatever has become of race and route. */

import type { RaceId, RouteNumber } from '../../src/core/engine-types.js';
import type { RaceTable } from '../../src/core/race/table.js';
import type { Family } from '../../src/model/address.js';

export interface LeftAttempt {
  race: RaceId;
  route: RouteNumber;
  family: Family;
  readonly address: Int32Array;
  port: number;
  readonly server: Int32Array;
  serverPort: number;
  readonly client: Int32Array;
  clientPort: number;
  token: number;
}

const SIZE = 24;

/** BOUNDED: the oldest gives way. */
export class AttemptLog {
  private readonly entries: LeftAttempt[] = Array.from({ length: SIZE }, () => ({
    race: 0,
    route: 0,
    family: 4,
    address: new Int32Array(4),
    port: 0,
    server: new Int32Array(4),
    serverPort: 0,
    client: new Int32Array(4),
    clientPort: 0,
    token: 0,
  }));
  private written = 0;

  /** The copy of a race leaves on a route. */
  note(races: RaceTable, race: RaceId, route: RouteNumber): void {
    const entry = this.entries[this.written++ % SIZE];
    const at = races.attempt(race, route);
    entry.race = race;
    entry.route = route;
    entry.family = races.family[race] as Family;
    entry.port = races.attemptPort[at];
    entry.serverPort = races.destinationPort[race];
    entry.clientPort = races.clientPort[race];
    entry.token = races.token[race];
    for (let i = 0; i < 4; i++) {
      entry.address[i] = races.attemptAddress[at * 4 + i];
      entry.server[i] = races.destination[race * 4 + i];
      entry.client[i] = races.client[race * 4 + i];
    }
  }

  /** The n-th last, counted from 0; null: there were not so many. */
  last(n: number): LeftAttempt | null {
    return n >= Math.min(this.written, SIZE) ? null : this.entries[(this.written - 1 - n) % SIZE];
  }
}
