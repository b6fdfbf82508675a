/**
 * What the kernel would do by itself with a first packet of a service: its rules (kernel/render-services.ts) in their order, and what is in
 * its maps at this moment.
 */
import { AFFINITY_PREFIX, createGroup, fillGroup, groupNumber } from '../core/affinity/group.js';
import { addressHash, flowHash } from '../core/jhash.js';
import { affinityMap, MAP_SITE, memoryMap, SET_OPEN } from '../kernel/constants.js';
import type { DesiredPlan, DesiredService, DesiredState } from '../kernel/desired.js';
import { lookUpElement } from '../kernel/element-lookup.js';
import { hex, routeOfMark } from '../kernel/marks.js';
import { type AddressWords, type Family, familyOf, formatAddress, maskAddress } from '../model/address.js';
import { makesCopies } from '../model/config.js';
import { Prefixes } from '../model/prefixes.js';
import type { Imagined } from './imagined.js';

export interface KernelForesight {
  readonly action: 'pin' | 'group' | 'single' | 'memory' | 'turns' | 'hash' | 'one';
  /** Numbers of routes with their shares of new connections; of one there is 1. */
  readonly shares: ReadonlyMap<number, number>;
  /** Of a group: until when it stays, milliseconds from now. */
  readonly leftMs: number | null;
}

/** What a datagram says. */
export interface Said {
  /** It is raced, so that the kernel asks about each. */
  readonly isAsked: boolean;
  /** Each stands for itself: it belongs to no group. */
  readonly isQuestion: boolean;
}

/** null: it would ask the daemon. */
export async function foreseeKernel(
  state: DesiredState,
  service: DesiredService,
  set: Imagined,
  { isAsked, isQuestion }: Said,
): Promise<KernelForesight | null> {
  const family = familyOf(set.destination);
  const name = `ipv${family}` as const;
  const { config } = service;
  const isOpen = async (value: number): Promise<boolean> =>
    (await lookUpElement(SET_OPEN[family], hex(value))) !== null;
  const one = (
    action: KernelForesight['action'],
    value: number,
    leftMs: number | null = null,
  ): KernelForesight => ({
    action,
    shares: new Map([[routeOfMark(state.marks, value), 1]]),
    leftMs,
  });
  for (const { value, destinations } of service.held[name])
    if (isIn(destinations, set.destination) && (await isOpen(value))) return one('pin', value);
  if (config.affinity !== 'none' && !isQuestion) {
    const group = await lookUpElement(
      affinityMap(family, service.number, config.affinity),
      await groupKey(service, set, family),
    );
    const value = group?.value ?? null;
    if (value !== null && group !== null) {
      const isOwn = service.values[name].some(({ mark }) => mark === (value & state.marks.routeMask) >>> 0);
      return isOwn && (await isOpen(value)) ? one('group', value, group.leftMs) : null;
    }
  }
  const single = service.single[name];
  if (single !== null && isIn(state.never[family], set.destination))
    return (await isOpen(single)) ? one('single', single) : null;
  if (isAsked) return null;
  if (service.memory !== 0) {
    const found = await lookUpElement(
      memoryMap(family, service.memory),
      masked(set.destination, family, state.aggregate[name]),
    );
    const value = found?.value ?? null;
    if (value !== null) return (await isOpen(value)) ? one('memory', value, found?.leftMs ?? null) : null;
  }
  const plan = service.plan[name];
  if (plan === null) return null;
  return foreseePlan(state, plan, config.select.by, set, isOpen);
}

/** Now and then the kernel asks all the same: to measure again, or to try a route that has to prove itself. */
export function mayAskAllTheSame(
  state: DesiredState,
  service: DesiredService,
  set: Imagined,
  { action }: KernelForesight,
): boolean {
  const family = `ipv${familyOf(set.destination)}` as const;
  if (set.protocol !== 'tcp' || action === 'pin' || action === 'single') return false;
  if (service.trial[family]) return true;
  if (action === 'group') return false;
  const isDrawn = service.memory !== 0 || service.config.select.criterion === 'fastest-history';
  return isDrawn && state.refresh > 0 && makesCopies(service.config.select.criterion);
}

async function foreseePlan(
  state: DesiredState,
  { kind, values }: DesiredPlan,
  by: DesiredService['config']['select']['by'],
  set: Imagined,
  isOpen: (value: number) => Promise<boolean>,
): Promise<KernelForesight | null> {
  const isOne = kind === 'one' || values.length === 1;
  if (isOne || kind === 'hash') {
    const value = isOne ? values[0] : values[hashOf(by, set) % values.length];
    if (!(await isOpen(value))) return null;
    return {
      action: isOne ? 'one' : 'hash',
      shares: new Map([[routeOfMark(state.marks, value), 1]]),
      leftMs: null,
    };
  }
  const shares = new Map<number, number>();
  for (const value of values) {
    const route = routeOfMark(state.marks, value);
    shares.set(route, (shares.get(route) ?? 0) + 1 / values.length);
  }
  return { action: 'turns', shares, leftMs: null };
}

/** As `jhash … seed 0x0` of nft. */
function hashOf(
  by: 'client' | 'destination' | 'client+destination',
  { client, destination }: Imagined,
): number {
  const family = familyOf(destination);
  if (by === 'client') return addressHash(client, 0, family) >>> 0;
  if (by === 'destination') return addressHash(destination, 0, family) >>> 0;
  return flowHash({ family, source: client, destination }) >>> 0;
}

/** In nft's words, as render-affinity.ts makes it. */
async function groupKey(
  { config: { affinity } }: DesiredService,
  set: Imagined,
  family: Family,
): Promise<string> {
  const client = formatAddress(set.client);
  if (affinity === 'client') return client;
  const site = affinity === 'client+site' ? await siteOf(set, family) : 0;
  const group = createGroup();
  fillGroup(group, affinity, { family, client: set.client, destination: set.destination, at: 0 }, site);
  if (family === 6) return hex(groupNumber(group));
  if (affinity === 'client+site') return `${client} . ${hex(group.number)}`;
  const length = affinity === 'client+prefix' ? AFFINITY_PREFIX[4] : 32;
  return `${client} . ${masked(set.destination, family, length)}`;
}

/** 0: no name is known for the destination. */
async function siteOf({ destination }: Imagined, family: Family): Promise<number> {
  return (await lookUpElement(MAP_SITE[family], formatAddress(destination)))?.value ?? 0;
}

function masked(address: AddressWords, family: Family, length: number): string {
  const words = address.slice();
  maskAddress(words, 0, family, length);
  return formatAddress(words);
}

function isIn(prefixes: readonly string[], address: AddressWords): boolean {
  const set = new Prefixes();
  set.set(
    prefixes.map((prefix) =>
      prefix.includes('/') ? prefix : `${prefix}/${prefix.includes(':') ? 128 : 32}`,
    ),
  );
  return set.has(address);
}
