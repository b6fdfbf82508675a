/** Whom to ask about a path: hosts that the LAN speaks with, so that no host of the LAN decides alone what is found. Pure. */
import type { Host } from './stalls.js';

/** BOUNDED: hosts that are known to answer somebody; the oldest gives way. */
const MOST_KNOWN = 16;
/** So many of them by the same host of the LAN. */
const MOST_OF_CLIENT = 4;
/** Hosts that are asked at one time, and how many of them may be those whose connections hang. */
export const MOST_ASKED = 10;
export const MOST_STALLED = 3;

export class KnownHosts {
  /** By network, the one that was noted last at the end. */
  private readonly known = new Map<string, Host>();

  /** It has answered somebody. */
  note(host: Host): void {
    const { known } = this;
    known.delete(host.network);
    known.set(host.network, host);
    const ofClient = [...known.values()].filter(({ client }) => client === host.client);
    if (ofClient.length > MOST_OF_CLIENT) known.delete(ofClient[0].network);
    for (const oldest of known.keys()) {
      if (known.size <= MOST_KNOWN) break;
      known.delete(oldest);
    }
  }

  /**
   * One of each network: first those that hang, since it is about them, and `more`; then those that are known by other hosts of the LAN than
   * these; then by any.
   */
  choose(stalled: readonly Host[], more: readonly Host[]): Host[] {
    const clients = new Set(stalled.map(({ client }) => client));
    const recent = [...this.known.values()].reverse();
    const ofOthers = recent.filter(({ client }) => !clients.has(client));
    return distinct([...stalled.slice(0, MOST_STALLED), ...more, ...ofOthers, ...recent]).slice(
      0,
      MOST_ASKED,
    );
  }
}

/** One host of each network, the first. */
export function distinct(hosts: readonly Host[]): Host[] {
  const byNetwork = new Map<string, Host>();
  for (const host of hosts) if (!byNetwork.has(host.network)) byNetwork.set(host.network, host);
  return [...byNetwork.values()];
}
