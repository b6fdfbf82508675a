/**
 * Tailscale's rules and ip rules as its router writes them for a subnet router and exit node, in iptables' words, with another node behind
 * `tailscale0`. The program needs its maker's servers; its rules do not.
 */
import { annex } from '../annex.js';
import type { Case } from './case.js';
import { type From, INSIDE, NAMES, NEAR, NEAR6, OTHER, tcp, udp, WEB } from './probes.js';
import { loadTables } from './xtables.js';

const RULES = `
*mangle
-A PREROUTING -m conntrack --ctstate ESTABLISHED,RELATED -j CONNMARK --restore-mark --nfmask 0xff0000 --ctmask 0xff0000
-A OUTPUT -m conntrack --ctstate NEW -m mark ! --mark 0x0/0xff0000 -j CONNMARK --save-mark --nfmask 0xff0000 --ctmask 0xff0000
COMMIT
*filter
:ts-forward - [0:0]
:ts-input - [0:0]
-I INPUT -j ts-input
-I FORWARD -j ts-forward
-A ts-input -s 100.64.0.1/32 -i lo -j ACCEPT
-A ts-input -s 100.115.92.0/23 ! -i tailscale0 -j RETURN
-A ts-input -s 100.64.0.0/10 ! -i tailscale0 -j DROP
-A ts-input -i tailscale0 -j ACCEPT
-A ts-forward -i tailscale0 -j MARK --set-xmark 0x40000/0xff0000
-A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT
-A ts-forward -s 100.64.0.0/10 -o tailscale0 -j DROP
-A ts-forward -o tailscale0 -j ACCEPT
COMMIT
*nat
:ts-postrouting - [0:0]
-I POSTROUTING -j ts-postrouting
-A ts-postrouting -m mark --mark 0x40000/0xff0000 -j MASQUERADE
COMMIT
`;
const IP_RULES = [
  'priority 5210 fwmark 0x80000/0xff0000 lookup main',
  'priority 5230 fwmark 0x80000/0xff0000 lookup default',
  'priority 5250 fwmark 0x80000/0xff0000 unreachable',
  'priority 5270 lookup 52',
];

const node: From = (_, hosts) => hosts.node!;

export const TAILSCALE: Case = {
  name: 'tailscale',
  kind: 'neighbour',
  install: async (lab) => {
    const { gateway } = lab;
    const other = await annex(
      lab,
      'node',
      (there) =>
        `link add tailscale0 netns ${gateway.namespace} type veth peer name eth0 netns ${there}`.split(' '),
      [
        ...['addr add 100.64.0.2/32 dev eth0', 'addr add 10.60.0.1/32 dev lo', 'link set eth0 up'],
        ...['route add 100.64.0.1 dev eth0', 'route add default via 100.64.0.1'],
      ],
    );
    await other.child('children/echo').ask('listen', { ports: [OTHER] });
    await gateway.must([
      'sh',
      '-ec',
      `ip addr add 100.64.0.1/32 dev tailscale0; ip link set tailscale0 up
       ip route add 100.64.0.2 dev tailscale0 table 52
       ip route add 10.60.0.0/24 via 100.64.0.2 dev tailscale0 onlink table 52
       ${IP_RULES.map((rule) => `ip rule add ${rule}`).join('\n')}`,
    ]);
    const tables = await loadTables(gateway, RULES);
    return {
      hosts: { node: other },
      reload: tables.reload,
      remove: async () => {
        await tables.remove();
        await gateway.must(['sh', '-ec', IP_RULES.map((rule) => `ip rule del ${rule}`).join('\n')]);
        await gateway.must(['ip', 'link', 'delete', 'tailscale0']);
        await other.stop();
      },
    };
  },
  probes: [
    tcp('tcp of the LAN', { address: NEAR, port: WEB }),
    tcp('tcp of the LAN over IPv6', { address: NEAR6, port: WEB }),
    udp('udp of the LAN', { address: NEAR, port: NAMES }),
    tcp('tcp of the LAN to a network of another node', { address: '10.60.0.1', port: OTHER, reached: [] }),
    tcp('tcp of another node to a client', { address: '10.0.0.2', port: INSIDE, from: node, reached: [] }),
    tcp('tcp of another node, by this exit node', { address: NEAR, port: WEB, from: node }),
    udp('udp of another node, by this exit node', { address: NEAR, port: NAMES, from: node }),
  ],
};
