/**
 * What a reload would do with a configuration: the one place that says so, to whoever asks before and to whoever does it. Pure.
 */
import type { GatewayConfig, RouteConfig } from '../model/config.js';
import type { ConfigChange, ConnectionEffect } from '../model/config-change.js';
import { diffConfigs } from './diff.js';
import { mergeLive } from './merge.js';
import { renamed, type Succession, succession } from './succession.js';

export interface ReloadPlan {
  /** Lines that differ, those that need a restart included. */
  readonly changes: readonly ConfigChange[];
  /** What can be taken over now. */
  readonly live: GatewayConfig;
  /** Something of it can. */
  readonly isLive: boolean;
  readonly succession: Succession;
  /** What becomes of the connections; nothing is said of those that notice nothing at all. */
  readonly effects: readonly ConnectionEffect[];
}

/** `atStart`: how many routes the running gateway had at its start. `connections`: that a route carries now, by its name. */
export function planReload(
  running: GatewayConfig,
  wanted: GatewayConfig,
  atStart: number,
  connections: (route: string) => number,
): ReloadPlan {
  const changes = diffConfigs(running, wanted, atStart);
  const live = mergeLive(running, wanted, atStart);
  const pairs = succession(running, live);
  return {
    changes,
    live,
    isLive: changes.some(({ apply }) => apply === 'live'),
    succession: pairs,
    effects: effectsOf(running, live, pairs, connections),
  };
}

function effectsOf(
  before: GatewayConfig,
  after: GatewayConfig,
  { routes, services }: Succession,
  connections: (route: string) => number,
): ConnectionEffect[] {
  const successors = new Map([...routes].map(([now, old]) => [old, now]));
  const effects = before.routes.flatMap((old): ConnectionEffect[] => {
    const name = successors.get(old.name);
    const now = after.routes.find((route) => route.name === name);
    const count = connections(old.name);
    const effect = fateOf(old, now);
    return effect === null ? [] : [{ route: old.name, becomes: name ?? null, connections: count, ...effect }];
  });
  const order = (one: GatewayConfig, other: GatewayConfig): string =>
    one.routes
      .flatMap(({ name }) => (other.routes.some((route) => route.name === name) ? [name] : []))
      .join();
  if (order(before, after) !== order(after, before))
    effects.push({
      ...EVERYBODY,
      fate: 'stay',
      text: 'the order of the routes counts for new connections alone',
    });
  for (const [now, old] of renamed(services))
    effects.push({ ...EVERYBODY, fate: 'stay', text: `service ${old} goes on as ${now}, with its groups` });
  return effects;
}

const EVERYBODY = { route: null, becomes: null, connections: null } as const;

type Fate = Pick<ConnectionEffect, 'fate' | 'text'>;

/** null: they notice nothing. */
function fateOf(old: RouteConfig, now: RouteConfig | undefined): Fate | null {
  const where = `${old.name} (${old.interface})`;
  if (now === undefined)
    return { fate: 'cut', text: `the connections of ${where} are cut: no route goes on for it` };
  const isMoved = old.interface !== now.interface;
  const lost = lostAddresses(old, now);
  if (isMoved && lost === 'unknown')
    return {
      fate: 'cut-without-address',
      text: `the connections of ${where} are cut, but for those with an address that ${now.interface} has, too`,
    };
  if (lost === 'unknown' || lost.length > 0) {
    const which = lost === 'unknown' ? 'an address that the route has no more' : shortened(lost);
    return {
      fate: 'cut-without-address',
      text: `of the connections of ${where} those with ${which} are cut`,
    };
  }
  if (isMoved)
    return {
      fate: 'stay',
      text: `the connections of ${where} go on by ${now.interface}, with their addresses`,
    };
  if (old.name === now.name) return null;
  return { fate: 'stay', text: `the connections of ${where} go on as those of ${now.name}` };
}

/** Addresses that connections may have and the route will not; `unknown`: it depends on what the interfaces have. */
function lostAddresses(old: RouteConfig, now: RouteConfig): readonly string[] | 'unknown' {
  if (!old.translate) return [];
  const lost: string[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const [had, has] = [old.addresses[family], now.addresses[family]];
    if (had === 'auto' && has === 'auto') {
      if (old.interface !== now.interface) return 'unknown';
      continue;
    }
    if (has === 'auto' || had === 'auto') return 'unknown';
    lost.push(...had.filter((address) => !has.includes(address)));
  }
  return lost;
}

function shortened(addresses: readonly string[]): string {
  const [first, ...others] = addresses;
  return others.length === 0 ? first : `${first} or ${others.length} more addresses`;
}
