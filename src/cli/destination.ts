/** Reads the DESTINATION of `why`. */
import { formatAddress, parseAddress } from '../model/address.js';
import { PathraceError } from '../model/errors.js';

export interface Destination {
  /** Canonical text. */
  readonly address: string;
  readonly port: number | null;
}

const FORMS = '198.51.100.7, 198.51.100.7:443, 2001:db8::1 or [2001:db8::1]:443';

/** Throws E_ARGUMENT for anything but an address or an address with a port. */
export function parseDestination(text: string): Destination {
  const bracketed = /^\[([0-9a-fA-F:.]{2,45})\](?::(\d{1,5}))?$/.exec(text);
  const dotted = /^([0-9.]{7,15})(?::(\d{1,5}))?$/.exec(text);
  const bare = /^([0-9a-fA-F:.]{2,45})$/.exec(text);
  const match = bracketed ?? dotted ?? bare;
  const words = match === null ? null : parseAddress(match[1]);
  const port = match?.[2] === undefined ? null : Number(match[2]);
  if (words === null || (port !== null && (port < 1 || port > 65535))) {
    const found = JSON.stringify(text.slice(0, 80));
    throw new PathraceError('E_ARGUMENT', 'Not a destination.', { found, expected: FORMS });
  }
  return { address: formatAddress(words), port };
}
