/** A provider as the router sees it: its interface, its prefixes, its link as it is now. */

import { subSeed } from '../../src/sim/random.js';
import type { Answer, Direction, Link } from '../../src/sim/scenario.js';
import { DropList } from './drop-list.js';
import { addressBytes, addressKey, macBytes } from './packet.js';
import { type Prefix, parsePrefix } from './prefix.js';
import type { EmulatorProvider, EmulatorSetup } from './protocol.js';
import { Shaper } from './shaper.js';

/** An inner end of a veth pair, and the Ethernet address of the other end. */
export interface Port {
  device: number;
  mac: Buffer;
  peerMac: Buffer;
}

/** What the router keeps per provider. */
export interface ProviderState extends Port {
  index: number;
  name: string;
  nextHops: Map<string, Buffer>;
  nextHop4: Buffer | undefined;
  nextHop6: Buffer | undefined;
  prefixes: Prefix[];
  link: Link;
  /** `link.reject` by address key; `*` stays. */
  reject: Map<string, Answer>;
  distanceMs: number[];
  shapers: Record<Direction, Shaper>;
  drops: DropList;
}

export function providerState(
  setup: EmulatorSetup,
  index: number,
  deviceIndex: (device: string) => number,
): ProviderState {
  const provider = setup.providers[index] as EmulatorProvider;
  const hops = provider.nextHops.map((address) => addressBytes(address));
  const shaper = (stream: number): Shaper => new Shaper(subSeed(setup.seed, stream), setup.servers.length);
  return {
    index,
    name: provider.name,
    device: deviceIndex(provider.device),
    mac: macBytes(provider.mac),
    peerMac: macBytes(provider.peerMac),
    nextHops: new Map(hops.map((hop) => [hop.toString('latin1'), hop])),
    nextHop4: hops.find(({ length }) => length === 4),
    nextHop6: hops.find(({ length }) => length === 16),
    prefixes: provider.prefixes.map(parsePrefix),
    link: provider.link,
    reject: rejectByKey(provider.link),
    distanceMs: setup.servers.map(({ distanceMs }) => distanceMs[provider.name] ?? 0),
    shapers: { out: shaper(index * 2), in: shaper(index * 2 + 1) },
    drops: new DropList(),
  };
}

/** `Link.reject` by address key; `*` stays. */
export function rejectByKey(link: Link): Map<string, Answer> {
  return new Map(
    Object.entries(link.reject).map(([to, answer]) => [to === '*' ? to : addressKey(to), answer]),
  );
}
