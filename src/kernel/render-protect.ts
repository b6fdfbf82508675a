/**
 * What the gateway has opened by forwarding is closed to whoever is on a provider's segment, as a home router does: the LAN, and the way
 * from one provider to another. Behind the operator's own rules, and for new connections only. Pure.
 */
import type { DesiredState } from './desired.js';
import { firstRoutes, set } from './render-words.js';

/** Jumped to from `forward`. */
export function protectRule(state: DesiredState): string[] {
  return state.protect ? [`ct state new iifname ${set(wans(state))} jump protect`] : [];
}

export function protectChains(state: DesiredState): [string, string[]][] {
  return state.protect ? [['protect', protect(state)]] : [];
}

function protect(state: DesiredState): string[] {
  return [
    // A bridge that is no LAN has an owner with rules of its own: containers, machines, a DMZ with public addresses.
    `oifname != ${set([...state.lan, ...wans(state)])} return`,
    // A port forward is asked for.
    'ct status & dnat == dnat return',
    // So is what was in an IPsec packet: it comes in by the interface that the packet came by.
    ...(state.knowsIpsec ? ['meta secpath exists return'] : []),
    // Somebody inside has joined the group, and a multicast router of the operator's forwards it.
    'fib daddr type multicast return',
    'counter name protected drop',
  ];
}

function wans(state: DesiredState): string[] {
  return [...firstRoutes(state).keys()];
}
