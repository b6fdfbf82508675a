/**
 * Connections that hang after their handshake: the first sign of a path that loses large packets and says nothing. A long poll or an
 * idle shell looks the same, so this is a reason to ask the path itself (judge.ts) and never more. Pure.
 */
import { type AddressWords, type Family, formatAddress, maskAddress } from '../../model/address.js';
import { AFFINITY_PREFIX } from '../affinity/group.js';

/** Packets and bytes of one direction, IP headers included. */
export interface Said {
  packets: number;
  bytes: number;
}

/** A TCP connection that lives, as the kernel's table has it; reused. */
export interface FlowCount {
  /** Tells it from others; two may be mistaken for one, which makes a suspicion early or late. */
  key: number;
  route: number;
  family: Family;
  /** Four words each. */
  client: AddressWords;
  server: AddressWords;
  readonly sent: Said;
  readonly received: Said;
}

/** What a look has found of a route and family. */
export interface Stall {
  readonly route: number;
  readonly family: Family;
  /** Whom it waits for; null: it does not hang, full segments have come. */
  readonly server: Host | null;
}

/** A server, and who speaks with it. */
export interface Host {
  readonly address: string;
  /** What one owner has, with its length. */
  readonly network: string;
  /** The LAN's host that it is known by; '' where that is the configuration. */
  readonly client: string;
}

/** So long nothing has come back, milliseconds. A packet is repeated three times meanwhile (RFC 6298). */
export const SILENT_MS = 2000;
/** BOUNDED: flows that are followed at one time; further ones are not. */
const MOST = 4096;
/** More packets than these have come back from what is no longer at its beginning. */
const YOUNG_PACKETS = 30;
/** Bytes of a packet on average; a full segment is more than twice as long, the acknowledgements beside it a tenth. */
const SMALL = 700;
/** Headers of a packet with the options that a SYN has: what is beyond is data. */
const HEADERS = { 4: 60, 6: 80 } as const;

interface Followed {
  readonly received: number;
  /** Of the first look at which it was so. */
  readonly sinceMs: number;
  readonly told: boolean;
}

export class Stalls {
  // BOUNDED: MOST.
  private followed = new Map<number, Followed>();

  /** Takes all flows as `each` visits them now; tells each that hangs once, and each that has begun to carry full segments. */
  look(each: (visit: (flow: FlowCount) => void) => void, nowMs: number): Stall[] {
    const { visit, end } = this.begin(nowMs);
    each(visit);
    return end();
  }

  /** The same for who visits them little by little; one look at a time. */
  begin(nowMs: number): { visit(flow: FlowCount): void; end(): Stall[] } {
    const found: Stall[] = []; // BOUNDED: by `followed`.
    const next = new Map<number, Followed>();
    return {
      visit: (flow) => {
        const { key, route, family, received } = flow;
        const before = this.followed.get(key);
        if (!isSmall(flow)) {
          if (before !== undefined) found.push({ route, family, server: null });
          return;
        }
        if (next.size >= MOST) return;
        let told = before?.told ?? false;
        const sinceMs = before?.received === received.packets ? before.sinceMs : nowMs;
        if (!told && hasSpoken(flow) && nowMs - sinceMs >= SILENT_MS) {
          told = true;
          found.push({ route, family, server: serverOf(flow) });
        }
        next.set(key, { received: received.packets, sinceMs, told });
      },
      end: () => {
        this.followed = next;
        return found;
      },
    };
  }
}

export function serverOf({ client, server, family }: FlowCount): Host {
  return hostAt(server, family, formatAddress(client));
}

/** `client`: who speaks with it. */
export function hostAt(address: AddressWords, family: Family, client: string): Host {
  const length = AFFINITY_PREFIX[family];
  const words = address.slice(0, 4);
  maskAddress(words, 0, family, length);
  return { address: formatAddress(address), network: `${formatAddress(words)}/${length}`, client };
}

/** At its beginning, and nothing but small packets have come back. */
function isSmall({ received }: FlowCount): boolean {
  const { packets, bytes } = received;
  return packets > 0 && packets <= YOUNG_PACKETS && bytes < packets * SMALL;
}

/** It waits for an answer: a handshake alone is no question. The SYN of a raced connection is not counted. */
function hasSpoken({ family, sent }: FlowCount): boolean {
  return sent.bytes > sent.packets * HEADERS[family];
}
