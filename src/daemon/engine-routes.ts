/** From the configuration and the routes as they are to what the engine takes. Pure. */
import type { EngineRoute, EngineSettings } from '../core/engine-types.js';
import type { ResolvedRoute } from '../kernel/routes.js';
import { parseAddress } from '../model/address.js';
import type { GatewayConfig } from '../model/config.js';
import { assert } from '../model/errors.js';

export function engineRoutes(resolved: readonly ResolvedRoute[]): EngineRoute[] {
  return resolved.map((route) => ({
    number: route.number,
    interfaceIndex: route.interfaceIndex,
    usable: { 4: route.ipv4 !== null, 6: route.ipv6 !== null },
    translate: route.config.translate,
    mtu: route.mtu,
    addresses: { 4: pool(route.ipv4?.addresses ?? []), 6: pool(route.ipv6?.addresses ?? []) },
  }));
}

export function engineSettings(config: GatewayConfig, secret: readonly [number, number]): EngineSettings {
  const { limits } = config;
  return {
    routes: config.routes.length,
    races: limits.races,
    racesPerClient: limits.racesPerClient,
    raceRatePerClient: limits.raceRatePerClient,
    raceBurstPerClient: limits.raceBurstPerClient,
    racePorts: limits.racePorts,
    portMemory: limits.portMemory,
    raceTimeoutMicros: limits.raceTimeoutMs * 1000,
    decisions: limits.decisions,
    secret,
  };
}

function pool(addresses: readonly string[]): Int32Array {
  const words = new Int32Array(addresses.length * 4);
  for (const [i, text] of addresses.entries()) {
    const parsed = parseAddress(text);
    assert(parsed !== null, `"${text}" is not an address`);
    words.set(parsed, i * 4);
  }
  return words;
}
