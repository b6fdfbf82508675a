/** What the tests of all decoders of datagrams do alike. */
import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { PROTOCOL } from '../../src/wire/packet.js';
import { type ViewedBytes, viewed } from '../../src/wire/viewed-bytes.js';
import { capturedIp } from './wire-captures.js';
import { read } from './wire-tools.js';

type Decode<Out> = (out: Out, space: ViewedBytes, start: number, end: number) => boolean;

/** Offsets of a decoded value, which count from its start. */
const isOffset = (key: string): boolean => key.endsWith('At');

/**
 * What a decoder says of a payload: alone in its bytes, and between others, which must not matter; null when it refuses it. Offsets are
 * from the start of the payload.
 */
export function decodedBy<Out extends object>(
  decode: Decode<Out>,
  create: () => Out,
  payload: readonly number[] | Uint8Array,
): Out | null {
  const alone = outcome(decode, create, payload, 0, 0);
  expect(outcome(decode, create, payload, 7, 0xff)).toEqual(alone);
  expect(outcome(decode, create, payload, 13, 0x40)).toEqual(alone);
  return alone;
}

function outcome<Out extends object>(
  decode: Decode<Out>,
  create: () => Out,
  payload: readonly number[] | Uint8Array,
  before: number,
  poison: number,
): Out | null {
  const bytes = new Uint8Array(payload.length + 3 * before).fill(poison);
  bytes.set(payload, before);
  const out = create();
  if (!decode(out, viewed(bytes), before, before + payload.length)) return null;
  const fields = Object.entries(out).map(([key, value]) => [key, isOffset(key) ? value - before : value]);
  return Object.fromEntries(fields) as Out;
}

/** Every shorter payload: decoded without an exception, and refused or said to be `acceptable`. */
export function expectEveryCut<Out extends object>(
  decode: Decode<Out>,
  create: () => Out,
  payload: readonly number[],
  acceptable: (out: Out, length: number) => boolean,
): void {
  for (let length = 0; length < payload.length; length++) {
    const out = decodedBy(decode, create, payload.slice(0, length));
    if (out !== null) expect([length, acceptable(out, length)]).toEqual([length, true]);
  }
}

/** Offsets outside of the bytes are refused. */
export function expectRefusesOutside<Out extends object>(
  decode: Decode<Out>,
  create: () => Out,
  payload: readonly number[],
): void {
  const space = viewed(Uint8Array.from(payload));
  for (const [start, end] of [
    [-1, payload.length],
    [0, payload.length + 1],
    [5, 3],
    [payload.length, payload.length],
  ]) {
    expect(decode(create(), space, start, end)).toBe(false);
  }
}

export interface CapturedDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/** Real traffic, beside the project where it is there at all. */
const CAPTURES = new URL('../../../shared/data/captures/', import.meta.url);

export const hasCapture = (name: string): boolean => existsSync(new URL(name, CAPTURES));

/** Datagrams of a capture. */
export function datagramsOf(name: string): CapturedDatagram[] {
  return capturedIp(readFileSync(new URL(name, CAPTURES))).flatMap(({ bytes, wireLength }) => {
    const { packet } = read(bytes, wireLength);
    if (packet.protocol !== PROTOCOL.UDP || packet.sourcePort === 0) return [];
    const { sourcePort, destinationPort } = packet;
    return [{ sourcePort, destinationPort, payload: bytes.slice(packet.payload, packet.payloadEnd) }];
  });
}
