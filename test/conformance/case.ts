/** A case of the suite: a site, what happens there, and what must have been seen. Data, but for the checks of one case alone. */
import type { Family, Link, PacketDrop } from '../../src/sim/scenario.js';
import type { Seen } from './seen.js';
import type { Connection, FrontEnd, OddSyn, Outcome, Site } from './subject.js';

/** No server has this address: what answers there is made by hand. */
export const DARK = { ipv4: '198.51.100.99', ipv6: '2001:db8:100::99' } as const;

/** A connection is to a server, the first if it names none, or to `DARK`; its client port is a new one unless it is named. */
export type Opening = Partial<Omit<Connection, 'family' | 'address'>> & Target;
export type OddOpening = Partial<Omit<OddSyn, 'family' | 'address'>> & Target;

interface Target {
  readonly dark?: boolean;
  /** Name of the server. */
  readonly to?: string;
}

/** An answer by hand to the newest copy that left by a route. */
export interface AnswerByHand {
  readonly on: string;
  /** The route that it comes by; default the copy's own. */
  readonly via?: string;
  /** Letters of S, A, R, F. */
  readonly flags: string;
  /** Added to the right acknowledgement, the copy's number plus one; default 0. */
  readonly ackOff?: number;
  /** Its own number; `same`: that of the last SYN+ACK that came in there. Default 90000. */
  readonly seq?: number | 'same';
}

export type Step =
  | { readonly open: Opening }
  | { readonly syn: OddOpening }
  | { readonly answer: AnswerByHand }
  | { readonly link: string; readonly set: Partial<Link> }
  | { readonly loses: string; readonly drop: PacketDrop }
  | { readonly interface: string; readonly up: boolean }
  | { readonly wait: number }
  /** Until every program knows what became of its connection. */
  | { readonly until: 'all-told' }
  /** Until so many copies have left by a route. */
  | { readonly until: 'copies'; readonly on: string; readonly count: number };

/**
 * A packet of a set-up as it is written in expectations: `>` left the gateway or the client, `<` came to it; then syn, synack, rst
 * or icmp-error. Acknowledgements, data and FIN are not part of it.
 */
export type Word = `${'>' | '<'}${'syn' | 'synack' | 'ack' | 'rst' | 'icmp-error'}`;

/** What must have been seen of one connection. */
export interface Expected {
  /**
   * All set-up packets of the connection on each provider's wire, in their order; a route that is not named has none. An
   * expression, against the words with blanks between them, where servers may repeat themselves.
   */
  readonly routes: Readonly<Record<string, readonly Word[] | RegExp>>;
  /** All set-up packets between client and gateway. */
  readonly client: readonly Word[] | RegExp;
  readonly outcome: Outcome;
  /** The route that carries it: its address is what the server saw. */
  readonly by?: string;
  /** When connect() returned, at least and less than, milliseconds. */
  readonly ms?: readonly [number, number];
}

/** What is promised of every run, and a case may be an exception to. */
export type PromiseName =
  | 'no half-open connection'
  | 'one port for all copies'
  | 'every answer is reset'
  | 'resets are exact'
  | 'addresses are the route’s'
  | 'refusals are a route’s';

export interface Case {
  readonly name: string;
  readonly site: Site;
  /** Default: IPv4 alone. */
  readonly families?: readonly Family[];
  readonly steps: readonly Step[];
  /** One per connection, in the order in which they are opened. */
  readonly expect: readonly Expected[];
  readonly check?: (seen: Seen) => void;
  /** With the reason. */
  readonly except?: Partial<Record<PromiseName, string>>;
  /** Where the case cannot run, and why. */
  readonly notOn?: Partial<Record<FrontEnd, string>>;
}

export const BOTH = ['ipv4', 'ipv6'] as const;
