/** What signalling is to the engine: messages of a flow in, calls and the flows that belong to them out. */
import type { AddressWords, Family } from '../../model/address.js';
import type { CallKind } from '../../model/calls.js';
import type { NamedEnd } from '../../wire/named-end.js';
import type { ViewedBytes } from '../../wire/viewed-bytes.js';
import type { Micros, RouteNumber } from '../engine-types.js';

/** A flow of signalling, as its client has opened it. */
export interface SignalFlow {
  readonly protocol: number;
  readonly family: Family;
  readonly client: NamedEnd;
  readonly server: NamedEnd;
}

/** What the connection table says of such a flow. */
export interface CarriedFlow {
  readonly route: RouteNumber;
  /** The client's address as the route shows it. */
  readonly source: AddressWords;
}

/** A flow that belongs to a call. */
export interface Expected {
  /** TCP or UDP. */
  readonly protocol: number;
  /** Port 0: whichever the client will take. */
  readonly client: NamedEnd;
  /** Port 0: the server connects, by whichever it will take. */
  readonly server: NamedEnd;
  /** It carries signalling itself, which is to be shown. */
  readonly reads?: 'h245' | undefined;
}

/** What a flow of signalling speaks: by its port, or since another has named it. */
export type SignalKind = CallKind | 'h245';

/** Who does what signalling says; each is about the flow in hand. */
export interface SignalSink {
  /** null: it has no route yet. */
  carried(): CarriedFlow | null;
  /** It goes by the route of the flow in hand, from either side. */
  expect(expected: Expected): void;
  /** The client is reached by this flow, and goes to its server by this route, for so long; 0: no longer. */
  keep(seconds: number): void;
}

/** A message in hand. */
export interface Signal extends ViewedBytes {
  readonly start: number;
  readonly end: number;
  readonly isFromClient: boolean;
  readonly now: Micros;
}

/** `none`: it is no message of this protocol. `done`: nothing more of the flow is wanted but its end. */
export type Reading = 'message' | 'none' | 'done';

/** Reads the messages of one flow, in their order. */
export interface SignalReader {
  readonly kind: CallKind;
  /** Of a stream: the length of what comes first, or one of FRAME. */
  frame(space: ViewedBytes, start: number, end: number): number;
  read(signal: Signal): Reading;
  /** The connection is over. */
  close(): void;
}
