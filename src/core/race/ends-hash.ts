/** Hashes of what flows and attempts are told by (ends.ts), with a secret: nobody outside can aim at chains. Addresses are four words at `at`. */
import type { AddressWords } from '../../model/address.js';
import { finishHash, mix, mixAddress } from '../hash.js';

/** Two ports as one word. */
export function pair(port: number, other: number): number {
  return (port << 16) | other;
}

/** Of a flow as its client names it; `secret` with the number of its protocol. */
export function flowHash(
  secret: number,
  ports: number,
  client: AddressWords,
  destination: AddressWords,
  at: number,
): number {
  return finishHash(mixAddress(mix(mixAddress(secret, client, at), ports), destination, at));
}

/** Of an attempt, by its port and its server; `secret` with the number of its protocol. */
export function answerHash(secret: number, ports: number, remote: AddressWords, at: number): number {
  return finishHash(mixAddress(mix(secret, ports), remote, at));
}
