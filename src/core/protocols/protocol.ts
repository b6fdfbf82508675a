/**
 * What a protocol is to the engine: one value per protocol, in a file of its own; `index.ts` lists them, docs/guide/adding-a-protocol.md
 * shows how to add one. The race knows attempts, times, winners and deadlines; all that is in a packet is said here.
 */

import type { AddressWords } from '../../model/address.js';
import type { SingleReason } from '../../model/reasons.js';
import type { Ends, PacketSpace, StoredSetup } from '../../wire/build.js';
import type { Packet, Quote } from '../../wire/packet.js';
import type { Micros } from '../engine-types.js';
import type { Times } from '../memory/times.js';
import type { Judgement } from './judgement.js';
import type { Opening } from './opening.js';

/**
 * `not-mine`: it starts no connection of this protocol. `copy`: it does, and may be copied; else why it may not, and `single`: it goes by one
 * route that a criterion chooses.
 */
export type Start = 'not-mine' | 'copy' | 'single' | SingleReason;

export interface Protocol {
  readonly name: string;
  /** Its number in the IP header: of the packets that belong to it, and that errors about it quote. */
  readonly transport: number;
  /** In an operator's words, for the documentation: docs/protocols.md is made of it. */
  readonly words: ProtocolWords;

  /** Whether a packet from the LAN starts a connection. `isSpoken`: its service says that it is this protocol, on whatever port. */
  start(packet: Packet, isSpoken: boolean): Start;
  /** Equal for the same set-up sent again, different for another one of the same flow. */
  token(packet: Packet): number;

  /** How copies, resets and errors look; null: attempts are no packets, the front end opens connections of its own. */
  readonly packets: PacketForms | null;

  /**
   * What a packet from an attempt's server to the attempt's own ends says; fills all fields that its kind has. `asked`: what `datagrams.note`
   * has written for this race.
   */
  judge(packet: Packet, token: number, judgement: Judgement, asked: Asked): void;
  /** A client may send several before it is answered; null: there is one set-up, and all else is a repeat of it. */
  readonly datagrams: Datagrams | null;
  /** How a connection goes on until its first payload, where that decides; null: the first reply does always. */
  readonly opening: Opening | null;
  /** It takes what the kernel has asked about as a set-up and no other protocol knows. */
  readonly takesRest: boolean;
  /** Whether its flows belong to groups; each question to a name server stands for itself. */
  readonly groups: boolean;
  /** A server answers one copy alone: that a loser is silent says nothing of its route. */
  readonly answersOnce: boolean;
  /** Which times of memory its answers are. */
  readonly times: Times;

  /** Whether an ICMP error is about a copy of the set-up with this token (RFC 5927): `quote` names its ends already. */
  isQuoted(quote: Quote, token: number): boolean;

  /** What tells the other end of a copy without an answer that nobody will use it. */
  proof(token: number): number;
  /** A packet that belongs to no race and no flow: its sender waits for us, and must be told. */
  isWaiting(packet: Packet): boolean;
  /**
   * When a decided race is forgotten, its silent losers are cancelled, too. Where packets are copied that is no use: a late answer is
   * told when it comes, since `isWaiting` knows it without the race.
   */
  readonly cancelsSilent: boolean;

  /** Whether a packet ends its connection, from either side. */
  ends(packet: Packet): boolean;
  /** Of the packets that the race knows: it is one flow. What belongs to calls is read in core/calls, from packets that pass. */
  readonly follows: null;
}

/** Words of a race, by which its protocol knows the answers: ASKED_WORDS from `at` on. */
export interface Asked {
  readonly words: Int32Array;
  readonly at: number;
}

export const ASKED_WORDS = 8;
/** Questions of one flow that are told apart. */
export const MOST_QUESTIONS = 4;

/** Of a protocol whose clients send several datagrams before an answer: all of a flow are one race, and go where it goes. */
export interface Datagrams {
  /** Who sends again within this time after the first has not waited in vain: it is of the same flight. */
  readonly flightMicros: Micros;
  /** How long an error waits for silent routes where that is less than with others. */
  readonly errorHoldMicros?: Micros;
  /** Notes what answers to this datagram of the client are known by. `isFirst`: the words are those of another race yet. */
  note(packet: Packet, asked: Asked, isFirst: boolean): void;
  /** How many questions have been noted: a route that has refused one may answer another; 1 where there is one alone. */
  questions(asked: Asked): number;
}

/** Packets of a protocol, written into a space; each returns the length. */
export interface PacketForms {
  /** Bytes that copies need of a set-up packet; and keeps them, at `at` of `bytes`. */
  length(packet: Packet): number;
  keep(packet: Packet, bytes: Uint8Array, at: number): number;
  copy(setup: StoredSetup, source: CopySource, space: PacketSpace): number;
  /** `proof`: see `Judgement.proof`. */
  cancel(ends: Ends, proof: number, space: PacketSpace): number;
  /** The reset for a packet whose sender waits and that belongs to no race; `ends` are ours first. */
  refuse(ends: Ends, packet: Packet, space: PacketSpace): number;
  /**
   * A server's refusal as the client must see it; `words` at `at` are those of the judgement, `answer` the packet as it came, of a
   * protocol with `datagrams`.
   */
  reject(ends: Ends, words: Int32Array, at: number, space: PacketSpace, answer: StoredSetup): number;
}

/** What a copy leaves with. */
export interface CopySource {
  address: AddressWords;
  at: number;
  port: number;
  /** Largest packet that the route carries to the destination, bytes. */
  mtu: number;
  /** The first payload decides: what servers answer differently on each connection is left out. */
  isPlain: boolean;
}

export interface ProtocolWords {
  readonly starts: string;
  readonly copied: string;
  readonly wins: string;
  readonly waits: string;
  readonly loses: string;
  readonly ends: string;
  readonly follows: string;
}
