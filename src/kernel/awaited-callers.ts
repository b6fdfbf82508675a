/** Ends of clients that a server has been told to connect to: it is known from where, but for the port. */
import type { AddressWords } from '../model/address.js';
import { formatEndpoint } from '../model/address.js';
import type { Packet } from '../wire/packet.js';

/** BOUNDED: the one that was told of first gives way. */
const MOST_AWAITED = 4096;

export interface Awaited {
  readonly client: AddressWords;
  /** Its address as its route shows it. */
  readonly outside: AddressWords;
  readonly port: number;
  /** Of its connection's entry. */
  readonly mark: number;
  readonly isControl: boolean;
  /** Microseconds. */
  readonly until: number;
}

export class AwaitedCallers {
  private readonly ends = new Map<string, Awaited>();

  add(server: AddressWords, awaited: Awaited): void {
    const key = keyOf(server, awaited.outside, awaited.port);
    this.ends.delete(key);
    this.ends.set(key, awaited);
    if (this.ends.size > MOST_AWAITED) this.ends.delete(this.ends.keys().next().value!);
  }

  /** Whom a server's first packet is for; null: nobody waits for it. */
  find({ source, destination, destinationPort }: Packet, now: number): Awaited | null {
    const key = keyOf(source, destination, destinationPort);
    const found = this.ends.get(key);
    if (found === undefined || found.until > now) return found ?? null;
    this.ends.delete(key);
    return null;
  }
}

function keyOf(server: AddressWords, outside: AddressWords, port: number): string {
  return `${formatEndpoint(server, 0, 0)} ${formatEndpoint(outside, 0, port)}`;
}
