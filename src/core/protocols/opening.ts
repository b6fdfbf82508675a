/** What the first payload needs of a protocol: of its packets from the first reply to the first payload, in both directions. */
import type { Ends, PacketSpace, StoredSetup } from '../../wire/build.js';
import type { WindowShifts } from '../../wire/netlink/window-labels.js';
import type { Packet } from '../../wire/packet.js';
import type { ViewedBytes } from '../../wire/viewed-bytes.js';

/** What a packet says. */
export const SAYS = {
  /** Nothing but how much has come. */
  NOTHING: 0,
  /** `length` bytes, `at` so many behind the first. */
  PAYLOAD: 1,
  /** There will be no more. */
  ENDS: 2,
  RESETS: 3,
  /** It is none that can be meant. */
  STRAY: 4,
} as const;

/** One value, reused. */
export interface Saying {
  kind: number;
  at: number;
  length: number;
  /** How many bytes of the other side have come; of servers. */
  acknowledged: number;
}

export function createSaying(): Saying {
  return { kind: SAYS.STRAY, at: 0, length: 0, acknowledged: 0 };
}

/** Whether a client's first words may be given to several servers; `incomplete`: it cannot be told yet. */
export type FirstWords = 'incomplete' | 'safe' | 'unsafe';

export interface Opening {
  /** The window of segments in a client's name, as in their headers. */
  window(setup: Packet): number;
  /** What a side offers or has agreed on; and the longest segment that it takes, bytes. */
  offer(packet: Packet): number;
  segment(answer: Packet): number;
  /** How the windows of a connection are to be shifted whose client was shown what another server had agreed on. */
  shifts(client: number, shown: number, own: number): WindowShifts;
  /** `sequence`: the server's first one, `given`: how many bytes of the client it can have. */
  ofServer(packet: Packet, token: number, sequence: number, given: number, says: Saying): void;
  ofClient(packet: Packet, token: number, says: Saying): void;
  judge(space: ViewedBytes, start: number, end: number): FirstWords;
  /** Writes what a server is told in the client's name behind the first `taken` bytes; returns the length. */
  write(
    ends: Ends,
    state: { token: number; sequence: number; window: number; taken: number },
    data: StoredSetup,
    space: PacketSpace,
  ): number;
  /** What makes a server that has taken so many bytes believe that nobody will use its connection. */
  proof(token: number, taken: number): number;
  /** The words of a refusal (`PacketForms.reject`) for a client that was shown `sequence` and has sent so many bytes. */
  reset(token: number, sequence: number, taken: number, words: Int32Array, at: number): void;
}
