/** A call of the engine to the outside, or to a protocol, that throws: the n-th of its kind. */
import type { PacketForms, Protocol } from '../../src/core/protocols/protocol.js';

export const FAULT_PLACES = [
  'wire',
  'notes',
  'flows',
  'start',
  'token',
  'keep',
  'judge',
  'proof',
  'isQuoted',
  'isWaiting',
] as const;
export type FaultPlace = (typeof FAULT_PLACES)[number];

/** The error of a fault, which nobody else throws. */
export class Fault extends Error {}

export class Faults {
  /** How many were thrown. */
  thrown = 0;
  private place: FaultPlace | null = null;
  private left = 0;

  /** The `n`-th call of a place from now on throws, counted from 1; null: none does. */
  arm(place: FaultPlace | null, n = 0): void {
    this.place = place;
    this.left = n;
  }

  call(place: FaultPlace): void {
    if (place !== this.place || --this.left !== 0) return;
    this.thrown++;
    throw new Fault(place);
  }

  /** A protocol whose calls may throw. */
  wrap(protocol: Protocol): Protocol {
    const { packets } = protocol;
    const keep: PacketForms['keep'] = (packet, bytes, at) => {
      this.call('keep');
      return packets!.keep(packet, bytes, at);
    };
    return {
      ...protocol,
      packets: packets === null ? null : { ...packets, keep },
      start: (packet, isSpoken) => {
        this.call('start');
        return protocol.start(packet, isSpoken);
      },
      token: (packet) => {
        this.call('token');
        return protocol.token(packet);
      },
      judge: (packet, token, judgement, asked) => {
        this.call('judge');
        protocol.judge(packet, token, judgement, asked);
      },
      proof: (token) => {
        this.call('proof');
        return protocol.proof(token);
      },
      isQuoted: (quote, token) => {
        this.call('isQuoted');
        return protocol.isQuoted(quote, token);
      },
      isWaiting: (packet) => {
        this.call('isWaiting');
        return protocol.isWaiting(packet);
      },
    };
  }
}
