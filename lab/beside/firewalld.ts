/**
 * firewalld itself, with its reverse-path check of IPv6 (the default): the LAN in `internal`, the providers in `external`, and a policy for
 * what may go from one to the other.
 */
import type { Case } from './case.js';
import { addingTables, ownFiles, unlimitedIcmp } from './own-files.js';
import { INSIDE, NAMES, throughFirewall, WEB } from './probes.js';

const UP = `
dbus-daemon --system --fork --nopidfile
firewalld --nofork --nopid >/run/firewalld.log 2>&1 &
for i in $(seq 100); do firewall-cmd --state >/dev/null 2>&1 && break; sleep 0.1; done
permanent() { firewall-cmd -q --permanent "$@"; }
permanent --zone=internal --change-interface=lan0
for provider in wan1 wan2 wan3; do permanent --zone=external --change-interface=$provider; done
permanent --zone=external --add-forward-port=port=8443:proto=tcp:toport=${INSIDE}:toaddr=10.0.0.2
permanent --new-policy lan-out
permanent --policy lan-out --add-ingress-zone internal
permanent --policy lan-out --add-egress-zone external
permanent --policy lan-out --add-port ${WEB}/tcp
permanent --policy lan-out --add-port ${NAMES}/udp
firewall-cmd -q --reload
`;
/** It removes its table when it is told to end, and only then. */
const DOWN = `
pkill -TERM -x firewalld
for i in $(seq 50); do nft list tables | grep -q firewalld || break; sleep 0.1; done
`;

export const FIREWALLD: Case = {
  name: 'firewalld',
  kind: 'neighbour',
  install: async (lab) => {
    const limitIcmp = await unlimitedIcmp(lab.gateway);
    const files = await ownFiles(lab.gateway);
    const removeTables = await addingTables(lab.gateway, () => files.run(UP));
    return {
      reload: () => files.run('firewall-cmd -q --reload'),
      remove: async () => {
        await files.run(DOWN);
        await files.stop();
        await removeTables();
        await limitIcmp();
      },
    };
  },
  probes: throughFirewall('EHOSTUNREACH'),
};
