/**
 * Docker's rules, as its daemon (20.10, Debian 12) has written them for one container with a published port, on a machine where it has
 * switched on forwarding itself: then the policy of FORWARD is DROP.
 */
import { bridged } from './bridge.js';
import type { Case } from './case.js';
import { type From, NAMES, NEAR, NEAR6, OTHER, outside, tcp, udp, WEB } from './probes.js';
import { loadTables } from './xtables.js';

const BRIDGE = { name: 'docker0', gateway: '172.17.0.1/16', machine: '172.17.0.2/16' };
const RULES = `
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport ${OTHER} -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport ${OTHER} -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:${OTHER}
COMMIT
`;
/** The line that a router needs (docs/guide/beside-other-software.md). */
const LAN_MAY = `
*filter
-I DOCKER-USER -i lan0 -j ACCEPT
-I DOCKER-USER -o lan0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`;

const container: From = (_, hosts) => hosts.container!;

export const DOCKER: Case = dockerCase('docker, the LAN in DOCKER-USER', RULES + LAN_MAY, [
  tcp('tcp of the LAN', { address: NEAR, port: WEB }),
  udp('udp of the LAN', { address: NEAR, port: NAMES }),
  tcp('a port published to the LAN', { address: '10.0.0.1', port: 8080, reached: [] }),
]);

/** As Docker leaves it: its own connections only. */
export const DOCKER_ALONE: Case = dockerCase('docker as it is', RULES, [
  tcp('tcp of the LAN', { address: NEAR, port: WEB, word: 'TIMEOUT' }),
  udp('udp of the LAN', { address: NEAR, port: NAMES, word: 'TIMEOUT' }),
  tcp('tcp of the LAN over IPv6, which Docker leaves alone', { address: NEAR6, port: WEB }),
]);

function dockerCase(name: string, rules: string, lan: Case['probes']): Case {
  return {
    name,
    kind: 'neighbour',
    install: async (lab) => {
      const behind = await bridged(lab, BRIDGE, OTHER);
      const tables = await loadTables(lab.gateway, rules);
      return {
        hosts: { container: behind.machine },
        reload: tables.reload,
        remove: async () => {
          await tables.remove();
          await behind.remove();
        },
      };
    },
    probes: [
      ...lan,
      tcp('tcp of a container', { address: NEAR, port: WEB, from: container }),
      tcp('a published port', { address: '203.0.1.2', port: 8080, from: outside, reached: [] }),
    ],
  };
}
