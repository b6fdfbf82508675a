/** An address and a port that a message names. */
import { type AddressWords, readAddress } from '../model/address.js';
import type { PerFound } from './per.js';
import type { ViewedBytes } from './viewed-bytes.js';

export interface NamedEnd {
  readonly address: AddressWords;
  readonly port: number;
}

/** Where bytes of a message are. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The addresses that were found by a name, in their order. */
export function endsNamed(found: readonly PerFound[], name: string, { view }: ViewedBytes): NamedEnd[] {
  return found
    .filter((one) => one.name === name && one.kind === 'address')
    .map(({ at, length, value }) => {
      const address = new Int32Array(4);
      readAddress(length === 4 ? 4 : 6, view, at, address);
      return { address, port: value };
    });
}

/** The octet strings that were found by a name. */
export function spansNamed(found: readonly PerFound[], name: string): Span[] {
  return found
    .filter((one) => one.name === name && one.kind === 'octets')
    .map(({ at, length }) => ({ start: at, end: at + length }));
}

/** The first number that was found by a name; -1 when there is none. */
export function numberNamed(found: readonly PerFound[], name: string): number {
  return found.find((one) => one.name === name && one.kind === 'integer')?.value ?? -1;
}

/** Bytes as hexadecimal digits; '' when there are none. */
export function hexadecimal({ bytes }: ViewedBytes, span: Span | undefined): string {
  let text = '';
  if (span !== undefined)
    for (let i = span.start; i < span.end; i++) text += bytes[i].toString(16).padStart(2, '0');
  return text;
}
