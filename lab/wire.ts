/** The lab's hands on its emulator: links that can be changed, and the record of what was on the wire. */
import type { Link, PacketDrop, PacketKind } from '../src/sim/scenario.js';
import type { EmulatorCounts, ProviderCounts, TraceFilter, WirePacket } from './emulator/protocol.js';
import type { Child } from './rpc.js';

/** One provider's link. Every change holds from when the promise resolves. */
export interface LinkHandle {
  readonly name: string;
  set(change: Partial<Link>): Promise<void>;
  /** One-way milliseconds by server name. */
  setDistance(distanceMs: Record<string, number>): Promise<void>;
  drop(drop: PacketDrop): Promise<void>;
  /** Loses the next `count` packets of this kind (default 1). */
  dropNext(packet: PacketKind, count?: number, only?: Omit<PacketDrop, 'packet' | 'count'>): Promise<void>;
  /** Forgets drops that were not used up; gives how many. */
  clearDrops(): Promise<number>;
}

/** What was on the wire between the gateway and its providers. */
export interface Wire {
  counts(): Promise<EmulatorCounts>;
  /** Counts of one provider. */
  of(provider: string): Promise<ProviderCounts>;
  /** Packets that match, oldest first, of the newest 65 536. */
  trace(filter?: TraceFilter): Promise<WirePacket[]>;
  /** Starts counts and trace anew. */
  reset(): Promise<void>;
}

/** `emulator` throws where the lab has none. */
export function linkHandle(name: string, emulator: () => Child): LinkHandle {
  const drop = async (asked: PacketDrop): Promise<void> =>
    emulator().ask('drop', { provider: name, drop: asked });
  return {
    name,
    set: async (link) => emulator().ask('set', { provider: name, link }),
    setDistance: async (distanceMs) => emulator().ask('set', { provider: name, distanceMs }),
    drop,
    dropNext: (packet, count = 1, only = {}) => drop({ ...only, packet, count }),
    clearDrops: async () => emulator().ask('clearDrops', name),
  };
}

export function wire(emulator: () => Child): Wire {
  const counts = async (): Promise<EmulatorCounts> => emulator().ask('counts');
  return {
    counts,
    of: async (provider) => {
      const found = (await counts()).providers[provider];
      if (found === undefined) throw new Error(`no provider is called ${provider}`);
      return found;
    },
    trace: async (filter = {}) => emulator().ask('trace', filter),
    reset: async () => emulator().ask('reset'),
  };
}
