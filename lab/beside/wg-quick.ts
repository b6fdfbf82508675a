/** wg-quick itself, by the kernel's WireGuard or wireguard-go: another site with the network 10.45.0.0/24, at the lab's first server. */
import { type Case, TUNNEL_PORT } from './case.js';
import { keepSettings, type OwnFiles, ownFiles } from './own-files.js';
import { NAMES, NEAR, NEAR6, tcp, udp, WEB } from './probes.js';

const SITE = '10.45.0.1';

export const WG_QUICK: Case = tunnel('wg-quick, another site', '10.44.0.0/24, 10.45.0.0/24', '', [
  tcp('tcp to the other site', { address: SITE, port: WEB, reached: [] }),
  tcp('tcp of the LAN', { address: NEAR, port: WEB }),
  tcp('tcp of the LAN over IPv6', { address: NEAR6, port: WEB }),
  udp('udp of the LAN', { address: NEAR, port: NAMES }),
]);

/** Rules in a place of their own: those that wg-quick adds by itself stand before all that there are, and behind all that come later. */
const IN_PLACE = `Table = 51820
FwMark = 51820
PostUp = ip rule add priority 20400 lookup main suppress_prefixlength 0
PostUp = ip rule add priority 20401 not fwmark 51820 lookup 51820
PostDown = ip rule del priority 20400; ip rule del priority 20401
`;

export const WG_QUICK_ALL: Case = tunnel('wg-quick, everything', '0.0.0.0/0', IN_PLACE, [
  tcp('tcp to the other site', { address: SITE, port: WEB, reached: [] }),
  tcp('tcp of the LAN', { address: NEAR, port: WEB, reached: [] }),
  tcp('tcp of the LAN over IPv6, which is not in it', { address: NEAR6, port: WEB }),
  udp('udp of the LAN', { address: NEAR, port: NAMES, reached: [] }),
]);

function tunnel(name: string, allowed: string, lines: string, probes: Case['probes']): Case {
  return {
    name,
    kind: 'neighbour',
    install: async (lab) => {
      const restore = await keepSettings(lab.gateway, ['net.ipv4.conf.all.src_valid_mark']);
      const [here, there] = await Promise.all([ownFiles(lab.gateway), ownFiles(lab.server())]);
      const [own, other] = [await keys(here), await keys(there)];
      await up(
        there,
        'Address = 10.44.0.2/24\nPostUp = ip addr add 10.45.0.1/32 dev lo\nPostDown = ip addr del 10.45.0.1/32 dev lo',
        other.secret,
        `PublicKey = ${own.known}\nAllowedIPs = 10.44.0.1/32, 10.0.0.0/24`,
      );
      await up(
        here,
        `Address = 10.44.0.1/24\n${lines}`,
        own.secret,
        `PublicKey = ${other.known}\nAllowedIPs = ${allowed}\nEndpoint = ${NEAR}:${TUNNEL_PORT}`,
      );
      return {
        reload: () => here.run('wg-quick down wg0; wg-quick up wg0'),
        remove: async () => {
          for (const files of [here, there]) {
            await files.run('wg-quick down wg0');
            await files.stop();
          }
          await restore();
        },
      };
    },
    probes,
  };
}

async function keys(files: OwnFiles): Promise<{ secret: string; known: string }> {
  const [secret = '', known = ''] = (
    await files.run('secret=$(wg genkey); echo $secret; echo $secret | wg pubkey')
  ).split('\n');
  return { secret, known };
}

async function up(files: OwnFiles, interfaceLines: string, secret: string, peer: string): Promise<void> {
  const file = `[Interface]\nPrivateKey = ${secret}\nListenPort = ${TUNNEL_PORT}\n${interfaceLines}\n[Peer]\n${peer}\n`;
  await files.run(
    `umask 077; mkdir -p /etc/wireguard; cat >/etc/wireguard/wg0.conf <<'END'\n${file}END\nwg-quick up wg0`,
  );
}
