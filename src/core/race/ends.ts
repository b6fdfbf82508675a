/** What flows and attempts are told by: addresses and ports, as the client has them and as a provider sees them. */
import type { AddressWords, Family } from '../../model/address.js';

/** Both ends of a flow as its client names them; a packet of the client has them. */
export interface FlowEnds {
  readonly family: Family;
  /** Number of its IP protocol, or of the words that a front end in user space uses. */
  readonly protocol: number;
  readonly source: AddressWords;
  readonly sourcePort: number;
  readonly destination: AddressWords;
  readonly destinationPort: number;
}

/** Both ends of an attempt as its provider sees them. */
export interface AttemptEnds {
  protocol: number;
  local: AddressWords;
  localPort: number;
  remote: AddressWords;
  remotePort: number;
}

/** The client's end of a flow as its route shows it. */
export interface LocalEnds {
  readonly local: AddressWords;
  localPort: number;
}

/** How the ends of an attempt came to be. */
export const ENDS = {
  /** The client's own address and port. */
  OWN: 0,
  /** By prefix: the client keeps its port. */
  PREFIX: 1,
  /** An address of the route and the port of the race. */
  POOL: 2,
  /** Those of a flow that the connection table has: the client's first set-up went by it, and it lives on as an attempt. */
  FLOW: 3,
} as const;
