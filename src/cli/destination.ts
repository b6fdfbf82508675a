/** Reads the DESTINATION of `why`, and what is like it. */
import { lookup } from 'node:dns/promises';
import { formatAddress, parseAddress } from '../model/address.js';
import { PathraceError } from '../model/errors.js';

export interface Destination {
  /** Canonical text. */
  readonly address: string;
  readonly port: number | null;
}

export interface Found {
  readonly addresses: readonly string[];
  readonly port: number | null;
  /** null: an address was typed. */
  readonly name: string | null;
}

const FORMS =
  '198.51.100.7, 198.51.100.7:443, 2001:db8::1, [2001:db8::1]:443, example.org or example.org:443';
const MOST_ADDRESSES = 8;

/** Throws E_ARGUMENT for anything but an address or an address with a port. */
export function parseDestination(text: string): Destination {
  const found = readAddress(text);
  if (found !== null) return found;
  throw wrong('Not a destination.', text);
}

/** The same, or a name, which is looked up as this machine does it: its addresses may not be those that a client was given. */
export async function findDestination(text: string): Promise<Found> {
  const typed = readAddress(text);
  if (typed !== null) return { addresses: [typed.address], port: typed.port, name: null };
  const [, name, digits] =
    /^((?=[^:]*[a-zA-Z])[\w-]{1,63}(?:\.[\w-]{1,63})*)\.?(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = digits === undefined ? null : Number(digits);
  if (name === undefined || name.length > 253 || !isPort(port)) throw wrong('Not a destination.', text);
  const answers = await lookup(name, { all: true }).catch(() => []);
  const addresses = answers.flatMap(({ address }) => {
    const words = parseAddress(address);
    return words === null ? [] : [formatAddress(words)];
  });
  if (addresses.length === 0) throw wrong('This name has no address here.', text);
  return { addresses: [...new Set(addresses)].slice(0, MOST_ADDRESSES), port, name };
}

function readAddress(text: string): Destination | null {
  const bracketed = /^\[([0-9a-fA-F:.]{2,45})\](?::(\d{1,5}))?$/.exec(text);
  const dotted = /^([0-9.]{7,15})(?::(\d{1,5}))?$/.exec(text);
  const bare = /^([0-9a-fA-F:.]{2,45})$/.exec(text);
  const match = bracketed ?? dotted ?? bare;
  const words = match === null ? null : parseAddress(match[1]);
  const port = match?.[2] === undefined ? null : Number(match[2]);
  return words === null || !isPort(port) ? null : { address: formatAddress(words), port };
}

function isPort(port: number | null): boolean {
  return port === null || (port >= 1 && port <= 65535);
}

function wrong(message: string, text: string): PathraceError {
  return new PathraceError('E_ARGUMENT', message, {
    found: JSON.stringify(text.slice(0, 80)),
    expected: FORMS,
  });
}
