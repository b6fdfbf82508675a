/** libvirt's rules for its network `default`, as its daemon (9.0, Debian 12) has written them, with a guest behind `virbr0`. */
import { bridged } from './bridge.js';
import type { Case } from './case.js';
import { type From, NAMES, NEAR, NEAR6, OTHER, tcp, udp, WEB } from './probes.js';
import { loadTables } from './xtables.js';

const BRIDGE = { name: 'virbr0', gateway: '192.168.122.1/24', machine: '192.168.122.2/24' };
const RULES = `
*mangle
:LIBVIRT_PRT - [0:0]
-A POSTROUTING -j LIBVIRT_PRT
-A LIBVIRT_PRT -o virbr0 -p udp -m udp --dport 68 -j CHECKSUM --checksum-fill
COMMIT
*filter
:LIBVIRT_FWI - [0:0]
:LIBVIRT_FWO - [0:0]
:LIBVIRT_FWX - [0:0]
:LIBVIRT_INP - [0:0]
:LIBVIRT_OUT - [0:0]
-A INPUT -j LIBVIRT_INP
-A FORWARD -j LIBVIRT_FWX
-A FORWARD -j LIBVIRT_FWI
-A FORWARD -j LIBVIRT_FWO
-A OUTPUT -j LIBVIRT_OUT
-A LIBVIRT_FWI -d 192.168.122.0/24 -o virbr0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A LIBVIRT_FWI -o virbr0 -j REJECT --reject-with icmp-port-unreachable
-A LIBVIRT_FWO -s 192.168.122.0/24 -i virbr0 -j ACCEPT
-A LIBVIRT_FWO -i virbr0 -j REJECT --reject-with icmp-port-unreachable
-A LIBVIRT_FWX -i virbr0 -o virbr0 -j ACCEPT
-A LIBVIRT_INP -i virbr0 -p udp -m udp --dport 53 -j ACCEPT
-A LIBVIRT_INP -i virbr0 -p tcp -m tcp --dport 53 -j ACCEPT
-A LIBVIRT_INP -i virbr0 -p udp -m udp --dport 67 -j ACCEPT
-A LIBVIRT_INP -i virbr0 -p tcp -m tcp --dport 67 -j ACCEPT
-A LIBVIRT_OUT -o virbr0 -p udp -m udp --dport 53 -j ACCEPT
-A LIBVIRT_OUT -o virbr0 -p tcp -m tcp --dport 53 -j ACCEPT
-A LIBVIRT_OUT -o virbr0 -p udp -m udp --dport 68 -j ACCEPT
-A LIBVIRT_OUT -o virbr0 -p tcp -m tcp --dport 68 -j ACCEPT
COMMIT
*nat
:LIBVIRT_PRT - [0:0]
-A POSTROUTING -j LIBVIRT_PRT
-A LIBVIRT_PRT -s 192.168.122.0/24 -d 224.0.0.0/24 -j RETURN
-A LIBVIRT_PRT -s 192.168.122.0/24 -d 255.255.255.255/32 -j RETURN
-A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -p tcp -j MASQUERADE --to-ports 1024-65535
-A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -p udp -j MASQUERADE --to-ports 1024-65535
-A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE
COMMIT
`;

const guest: From = (_, hosts) => hosts.guest!;

export const LIBVIRT: Case = {
  name: 'libvirt',
  kind: 'neighbour',
  install: async (lab) => {
    const behind = await bridged(lab, BRIDGE, OTHER);
    const tables = await loadTables(lab.gateway, RULES);
    return {
      hosts: { guest: behind.machine },
      reload: tables.reload,
      remove: async () => {
        await tables.remove();
        await behind.remove();
      },
    };
  },
  probes: [
    tcp('tcp of the LAN', { address: NEAR, port: WEB }),
    tcp('tcp of the LAN over IPv6', { address: NEAR6, port: WEB }),
    udp('udp of the LAN', { address: NEAR, port: NAMES }),
    tcp('tcp of a guest', { address: NEAR, port: WEB, from: guest }),
    udp('udp of a guest', { address: NEAR, port: NAMES, from: guest }),
    tcp('tcp of the LAN to a guest, which libvirt refuses', {
      address: '192.168.122.2',
      port: OTHER,
      word: 'ECONNREFUSED',
    }),
  ],
};
