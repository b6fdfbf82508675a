/** ufw itself, as Debian and Ubuntu ship it: a router that lets the LAN have the web and names, and one port in. */
import type { Case } from './case.js';
import { addingTables, keepSettings, ownFiles } from './own-files.js';
import { INSIDE, NAMES, throughFirewall, WEB } from './probes.js';

/** What ufw 0.36 and its predecessors write when they are enabled; Debian 12 has left the last two out. */
const SETTINGS = [
  'net.ipv4.conf.all.accept_redirects',
  'net.ipv4.conf.default.accept_redirects',
  'net.ipv6.conf.all.accept_redirects',
  'net.ipv6.conf.default.accept_redirects',
  'net.ipv4.icmp_echo_ignore_broadcasts',
  'net.ipv4.icmp_ignore_bogus_error_responses',
  'net.ipv4.icmp_echo_ignore_all',
  'net.ipv4.conf.all.log_martians',
  'net.ipv4.conf.default.log_martians',
  'net.ipv4.conf.all.rp_filter',
  'net.ipv4.conf.default.rp_filter',
];

const UP = `
sed -i 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw
printf 'net/ipv4/conf/all/rp_filter=1\\nnet/ipv4/conf/default/rp_filter=1\\n' >>/etc/ufw/sysctl.conf
cat >>/etc/ufw/before.rules <<END
*nat
-A PREROUTING -i wan1 -p tcp --dport 8443 -j DNAT --to-destination 10.0.0.2:${INSIDE}
COMMIT
END
ufw default deny incoming
ufw default deny routed
ufw allow in on lan0
ufw route allow in on lan0 proto tcp to any port ${WEB}
ufw route allow in on lan0 proto udp to any port ${NAMES}
ufw route allow in on wan1 proto tcp to 10.0.0.2 port ${INSIDE}
ufw --force enable
`;

export const UFW: Case = {
  name: 'ufw',
  kind: 'neighbour',
  install: async (lab) => {
    const restore = await keepSettings(lab.gateway, SETTINGS);
    const files = await ownFiles(lab.gateway);
    const removeTables = await addingTables(lab.gateway, () => files.run(UP));
    return {
      reload: () => files.run('ufw reload'),
      remove: async () => {
        // Its rule of nat is not its own to take away.
        await files.run('ufw disable');
        await files.stop();
        await removeTables();
        await restore();
      },
    };
  },
  probes: throughFirewall('TIMEOUT'),
};
