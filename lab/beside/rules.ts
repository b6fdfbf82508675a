/** The operator's own nft rules. */
import type { Host } from '../host.js';
import type { Lab } from '../lab.js';
import type { Case, Installation, Probe } from './case.js';
import {
  ELSEWHERE,
  FAR,
  held,
  INSIDE,
  NAMES,
  NEAR,
  NEAR6,
  OTHER,
  outside,
  tcp,
  throughFirewall,
  udp,
  WEB,
} from './probes.js';

export const RULES: readonly Case[] = [
  withTable(
    'a firewall with policy drop',
    'firewall',
    `chain forward { type filter hook forward priority 0; policy drop;
      ct state established,related accept
      ct status dnat accept
      iifname "lan0" tcp dport ${WEB} accept
      iifname "lan0" udp dport ${NAMES} accept; }
     chain before { type nat hook prerouting priority dstnat;
      iifname "wan1" meta nfproto ipv4 tcp dport 8443 dnat ip to 10.0.0.2:${INSIDE}; }`,
    throughFirewall('TIMEOUT'),
  ),
  withTable(
    'a rule that rejects a port',
    'firewall',
    `chain forward { type filter hook forward priority filter; tcp dport ${OTHER} reject with tcp reset; }`,
    [
      tcp('tcp to that port', { address: NEAR, port: OTHER, word: 'ECONNREFUSED' }),
      tcp('tcp to that port, over IPv6', { address: NEAR6, port: OTHER, word: 'ECONNREFUSED' }),
      tcp('tcp to another', { address: NEAR, port: WEB }),
    ],
  ),
  withTable(
    'a set of clients that may not',
    'firewall',
    `set banned { type ipv4_addr; elements = { 10.0.0.3 } }
     chain forward { type filter hook forward priority filter; ip saddr @banned drop; }`,
    [
      tcp('tcp of one of them', {
        address: NEAR,
        port: WEB,
        source: '10.0.0.3',
        word: 'TIMEOUT',
      }),
      tcp('tcp of another', { address: NEAR, port: WEB }),
    ],
  ),
  withTable(
    'a count of connections',
    'firewall',
    `set many { type ipv4_addr; flags dynamic; size 100; }
     chain forward { type filter hook forward priority filter;
      iifname "lan0" tcp flags & (syn|ack) == syn add @many { ip saddr ct count over 3 } drop; }`,
    [
      held('five that stay open', 5, {
        answers: { ok: 6, TIMEOUT: 4 },
        reached: [`${NEAR} ${WEB}`],
        foreign: 0,
      }),
    ],
  ),
  withTable(
    'a rate of new connections',
    'firewall',
    `chain forward { type filter hook forward priority filter;
      tcp dport ${WEB} ct state new limit rate over 5/hour burst 5 packets drop; }`,
    [
      held('four in each of two rounds', 4, {
        answers: { ok: 5, TIMEOUT: 3 },
        reached: [`${NEAR} ${WEB}`],
        foreign: 0,
      }),
    ],
  ),
  withTable(
    'an output chain that drops',
    'firewall',
    'chain out { type filter hook output priority filter; policy drop; oifname "lo" accept; }',
    [tcp('tcp of the LAN', { address: NEAR, port: WEB })],
  ),
  withTable(
    'a check of the way back, by marks',
    'firewall',
    `chain before { type filter hook prerouting priority filter + 10;
      icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
      fib saddr . mark . iif oif missing drop; }`,
    [
      tcp('tcp', { address: NEAR, port: WEB }),
      tcp('tcp over IPv6', { address: NEAR6, port: WEB }),
      udp('udp', { address: NEAR, port: NAMES }),
      udp('udp over IPv6', { address: NEAR6, port: NAMES }),
    ],
  ),
  withTable(
    'a redirect to a service of the gateway',
    'translation',
    `chain before { type nat hook prerouting priority dstnat; iifname "lan0" tcp dport ${OTHER} redirect to :8080; }`,
    [
      tcp('tcp to that port', { address: NEAR, port: OTHER, reached: [] }),
      tcp('tcp to that port, over IPv6', { address: NEAR6, port: OTHER, reached: [] }),
      tcp('tcp to another', { address: NEAR, port: WEB }),
    ],
    (lab) => listening(lab.gateway, 8080),
  ),
  withTable(
    'a destination that is translated',
    'translation',
    `chain before { type nat hook prerouting priority dstnat;
      iifname "lan0" meta nfproto ipv4 tcp dport ${OTHER} dnat ip to ${FAR}:${ELSEWHERE}; }`,
    [tcp('tcp to it', { address: NEAR, port: OTHER, reached: [`${FAR} ${ELSEWHERE}`] })],
  ),
  withTable(
    'a port forward to a client',
    'translation',
    `chain before { type nat hook prerouting priority dstnat;
      iifname "wan1" meta nfproto ipv4 tcp dport 8443 dnat ip to 10.0.0.2:${INSIDE}
      iifname "wan1" meta nfproto ipv6 tcp dport 8443 dnat ip6 to [fd00::2]:${INSIDE}; }`,
    [
      tcp('tcp from outside', { address: '203.0.1.2', port: 8443, from: outside, reached: [] }),
      tcp('tcp from outside, over IPv6', { address: 'fd03:1::2', port: 8443, from: outside, reached: [] }),
    ],
  ),
  withTable(
    'masquerading that was there before',
    'translation',
    'chain out { type nat hook postrouting priority srcnat; oifname { "wan1", "wan2", "wan3" } masquerade; }',
    [
      tcp('tcp', { address: NEAR, port: WEB }),
      tcp('tcp over IPv6', { address: NEAR6, port: WEB }),
      udp('udp', { address: NEAR, port: NAMES }),
    ],
  ),
];

const TABLE = 'operator';

function withTable(
  name: string,
  kind: Case['kind'],
  rules: string,
  probes: readonly Probe[],
  also?: (lab: Lab) => Promise<() => Promise<unknown>>,
): Case {
  return {
    name,
    kind,
    probes,
    install: async (lab): Promise<Installation> => {
      const stop = await also?.(lab);
      await lab.gateway.must(['nft', '-f', '-'], { input: `table inet ${TABLE} {\n${rules}\n}\n` });
      return {
        remove: async () => {
          await lab.gateway.must(['nft', 'delete', 'table', 'inet', TABLE]);
          await stop?.();
        },
      };
    },
  };
}

/** A server of the machine itself. */
async function listening(host: Host, port: number): Promise<() => Promise<unknown>> {
  const child = host.child('children/echo');
  await child.ask('listen', { ports: [port] });
  return () => child.stop();
}
