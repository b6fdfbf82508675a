/** What our table has besides chains: sets, maps and counters, with the shape of each (owners.ts says who fills them). Pure. */
import {
  SET_ALIVE,
  SET_COPIES,
  SET_FLOOD,
  SET_FULL,
  SET_OPENED,
  SET_RACING,
  SET_RESCUED,
  SET_RESET,
  SET_SENT,
  SET_YOUNG,
} from './constants.js';
import type { DesiredState } from './desired.js';
import { callObjects, helpers } from './render-calls.js';
import { guardCounters } from './render-guard.js';
import { serviceCounters, serviceSets } from './render-services.js';
import { tunnelHosts, tunnelMaps } from './render-tunnels.js';
import { usageCounters } from './render-usage.js';

export interface DeclaredObject {
  readonly kind: 'set' | 'map' | 'counter' | 'ct helper';
  readonly name: string;
  readonly body: string;
}

/** Sets, maps and counters of a state. */
export function objectsOf(state: DesiredState): DeclaredObject[] {
  const { sets, maps } = serviceSets(state);
  const calls = callObjects(state);
  return [
    ...[...SETS, ...tunnelHosts, ...sets, ...calls.sets].map(([name, body]) => ({
      kind: 'set' as const,
      name,
      body: ` { ${body} }`,
    })),
    ...[...maps, ...tunnelMaps(), ...calls.maps].map(([name, body]) => ({
      kind: 'map' as const,
      name,
      body: ` { ${body} }`,
    })),
    ...helpers(state).map(([name, body]) => ({ kind: 'ct helper' as const, name, body: ` { ${body} }` })),
    ...[...COUNTERS, ...guardCounters(state), ...serviceCounters(state), ...usageCounters(state)].map(
      (name) => ({
        kind: 'counter' as const,
        name,
        body: '',
      }),
    ),
  ];
}

/** Bounded: the kernel refuses elements beyond `size`, and the rule that wanted one goes on without. */
const SETS: readonly (readonly [string, string])[] = [
  [SET_ALIVE, 'type nf_proto; flags timeout;'],
  [SET_FLOOD[4], 'type ipv4_addr; flags dynamic,timeout; timeout 10s; size 65535;'],
  [SET_FLOOD[6], 'type ipv6_addr; flags dynamic,timeout; timeout 10s; size 65535;'],
  [SET_FLOOD.host, 'type ether_addr; flags dynamic,timeout; timeout 10s; size 65535;'],
  [
    SET_RESET[4],
    'type ipv4_addr . inet_service . ipv4_addr . inet_service; flags timeout; timeout 2m; size 262144;',
  ],
  [SET_FULL[4], 'type ipv4_addr . inet_service . mark; flags timeout; size 1024;'],
  [SET_FULL[6], 'type ipv6_addr . inet_service . mark; flags timeout; size 1024;'],
  [
    SET_RESET[6],
    'type ipv6_addr . inet_service . ipv6_addr . inet_service; flags timeout; timeout 2m; size 262144;',
  ],
  ...([4, 6] as const).flatMap((family): [string, string][] => {
    const address = `ipv${family}_addr`;
    const flow = `type ${address} . inet_service . ${address} . inet_service; flags dynamic,timeout;`;
    return [
      [SET_RACING[family], `${flow} timeout 30s; gc-interval 10s; size 131072;`],
      [SET_RESCUED[family], `${flow} timeout 30s; gc-interval 10s; size 65536;`],
      [SET_SENT[family], `${flow} timeout 30s; gc-interval 10s; size 131072;`],
      [SET_OPENED[family], `${flow} timeout 120s; gc-interval 10s; size 65536;`],
      [SET_YOUNG[family], `${flow} timeout 1s; gc-interval 1s; size 65536;`],
      [
        SET_COPIES[family],
        `type ${address} . inet_service . inet_service; flags dynamic,timeout; timeout 30s; gc-interval 10s; size 262144;`,
      ],
    ];
  }),
];

/** Counters that `status` shows. */
export const COUNTERS = [
  'flood',
  'host_groups',
  'invalid',
  'spoofed',
  'unsolicited',
  'stray_answers',
  'misrouted',
  'protected',
  'outside_prefix',
  'no_route',
  'kept',
  'reset_clients',
  'ports_exhausted',
] as const;
