/**
 * What the kernel would do by itself with a first packet of a service: its rules (kernel/render-services.ts, render-tunnels.ts) in their
 * order, and what is in its maps at this moment.
 */
import { addressHash, flowHash } from '../core/jhash.js';
import { memoryMap } from '../kernel/constants.js';
import type { DesiredPlan, DesiredService, DesiredState } from '../kernel/desired.js';
import { lookUpElement } from '../kernel/element-lookup.js';
import { routeOfMark } from '../kernel/marks.js';
import { type AddressWords, type Family, familyOf, maskAddress } from '../model/address.js';
import { makesCopies } from '../model/config.js';
import { Prefixes } from '../model/prefixes.js';
import { isOfTunnel, PPTP_PORT } from '../model/tunnels.js';
import { FIRST_PROTOCOLS } from '../wire/first-packets.js';
import { createKey, type ElementKey, keyOf } from '../wire/netlink/nft-elements.js';
import type { Imagined } from './imagined.js';
import { findGroup, findTunnel, isOpen, type Neighbours } from './kept-together.js';
import type { Said } from './spoken.js';

export interface KernelForesight {
  readonly action: 'tunnel' | 'pin' | 'group' | 'single' | 'memory' | 'turns' | 'hash' | 'one';
  /** Numbers of routes with their shares of new connections; of one there is 1. */
  readonly shares: ReadonlyMap<number, number>;
  /** Of a tunnel or a group: until when it stays, milliseconds from now. */
  readonly leftMs: number | null;
}

/** Whether it goes with a tunnel, and by nothing that is for connections alone; PPTP's own connection follows one that there is. */
export function tunnelPart({ protocol, port }: Imagined): 'flow' | 'control' | null {
  if (isOfTunnel(FIRST_PROTOCOLS[protocol], port)) return 'flow';
  return protocol === 'tcp' && port === PPTP_PORT ? 'control' : null;
}

/** null: it would ask the daemon. */
export async function foreseeKernel(
  state: DesiredState,
  service: DesiredService,
  set: Imagined,
  { isAsked, isQuestion }: Said,
  neighbours: Neighbours,
): Promise<KernelForesight | null> {
  const family = familyOf(set.destination);
  const name = `ipv${family}` as const;
  const { config } = service;
  const own = (mark: number): number | undefined =>
    service.values[name].find((one) => one.mark === (mark & state.marks.routeMask) >>> 0)?.value;
  const one = (
    action: KernelForesight['action'],
    value: number,
    leftMs: number | null = null,
  ): KernelForesight => ({
    action,
    shares: new Map([[routeOfMark(state.marks, value), 1]]),
    leftMs,
  });
  const part = tunnelPart(set);
  if (part !== null) {
    const known = findTunnel(set);
    const value = known?.value == null ? undefined : own(known.value);
    if (value !== undefined && isOpen(family, value)) return one('tunnel', value, known?.leftMs ?? null);
  }
  if (part !== 'flow')
    for (const { value, destinations } of service.held[name])
      if (isIn(destinations, set.destination) && isOpen(family, value)) return one('pin', value);
  if (config.affinity !== 'none' && !isQuestion) {
    const group = await findGroup(service, set, neighbours);
    if (group?.value != null) {
      const { value, leftMs } = group;
      return own(value) !== undefined && isOpen(family, value) ? one('group', value, leftMs) : null;
    }
  }
  const single = service.single[name];
  if (single !== null && isIn(state.never[family], set.destination))
    return isOpen(family, single) ? one('single', single) : null;
  if (isAsked) return null;
  if (service.memory !== 0) {
    const found = lookUpElement(
      memoryMap(family, service.memory),
      maskedKey(set.destination, family, state.aggregate[name]),
    );
    if (found?.value != null)
      return isOpen(family, found.value) ? one('memory', found.value, found.leftMs) : null;
  }
  const plan = service.plan[name];
  if (plan === null) return null;
  return foreseePlan(state, plan, config.select.by, set);
}

/** Now and then the kernel asks all the same: to measure again, or to try a route that has to prove itself. */
export function mayAskAllTheSame(
  state: DesiredState,
  service: DesiredService,
  set: Imagined,
  { action }: KernelForesight,
): boolean {
  const family = `ipv${familyOf(set.destination)}` as const;
  const isSettled = action === 'tunnel' || action === 'pin' || action === 'single';
  if (set.protocol !== 'tcp' || isSettled) return false;
  if (service.trial[family]) return true;
  if (action === 'group') return false;
  const isDrawn = service.memory !== 0 || service.config.select.criterion === 'fastest-history';
  return isDrawn && state.refresh > 0 && makesCopies(service.config.select.criterion);
}

function foreseePlan(
  state: DesiredState,
  { kind, values }: DesiredPlan,
  by: DesiredService['config']['select']['by'],
  set: Imagined,
): KernelForesight | null {
  const isOne = kind === 'one' || values.length === 1;
  if (isOne || kind === 'hash') {
    const value = isOne ? values[0] : values[placeOf(hashOf(by, set), values.length)];
    if (!isOpen(familyOf(set.destination), value)) return null;
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

/** As `jhash … seed 0x0` of nft has it before its `mod`. */
function hashOf(
  by: 'client' | 'destination' | 'client+destination',
  { client, destination }: Imagined,
): number {
  const family = familyOf(destination);
  if (by === 'client') return addressHash(client, 0, family);
  if (by === 'destination') return addressHash(destination, 0, family);
  return flowHash({ family, source: client, destination });
}

/** nft's `mod` is the kernel's reciprocal_scale: the upper half of hash * count. */
function placeOf(hash: number, count: number): number {
  return Math.floor(((hash >>> 0) * count) / 0x1_0000_0000);
}

function maskedKey(address: AddressWords, family: Family, length: number): ElementKey {
  const words = address.slice();
  maskAddress(words, 0, family, length);
  return keyOf(createKey(), family, words);
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
