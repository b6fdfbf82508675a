/**
 * The shape of mwan3 2.12 (OpenWrt): a random pick with a mark, remembered in the connection mark; a routing table per uplink.
 * Written anew in nft after reading its sources. Left out: the rule that makes TCP/443 sticky, IPv6.
 */
import { LAN, type Shape, type Wan } from './baseline.js';

/** Six bits for at most 60 uplinks and three special values. */
const MASK = 0x3f00;
const DIRECT = 0x3f00;
const BLACKHOLE = 0x3d00;
const UNREACHABLE = 0x3e00;

export const MWAN3: Shape = {
  name: 'mwan3',
  table: 'peer_mwan3',
  masquerade: true,
  reload: 'stop-start',
  prober: { kind: 'rounds', interval: 10, timeout: 4, down: 5, up: 5, reliability: 2, targets: 4 },

  rules: (wans) => [
    ...wans.flatMap((wan) => [
      `pref ${1000 + wan.id} iif ${wan.device} lookup ${wan.id}`,
      `pref ${2000 + wan.id} fwmark ${masked(markOf(wan))} lookup ${wan.id}`,
      `pref ${3000 + wan.id} fwmark ${masked(markOf(wan))} unreachable`,
    ]),
    `pref 2061 fwmark ${masked(BLACKHOLE)} blackhole`,
    `pref 2062 fwmark ${masked(UNREACHABLE)} unreachable`,
  ],

  routes: (wans) => ({
    tables: wans.map(({ id }) => id),
    lines: wans.flatMap(({ id, device, nextHop, subnet }) => [
      `${subnet} dev ${device} table ${id}`,
      `${LAN.subnet} dev ${LAN.device} table ${id}`,
      `default via ${nextHop} dev ${device} table ${id}`,
    ]),
  }),

  ruleset: (wans, alive) => `
    set near {
      type ipv4_addr; flags interval
      elements = { 127.0.0.0/8, 224.0.0.0/3, ${[LAN.subnet, ...wans.map(({ subnet }) => subnet)].join(', ')} }
    }
    chain came_in { ${wans.map((wan) => `iifname "${wan.device}" ${FREE} meta mark set ${markOf(wan)}`).join('\n')}
    }
    chain stays_near { ip daddr @near meta mark set ${DIRECT}
    }
    chain balanced { ${pick(alive).join('\n')}
    }
    chain steer {
      ${FREE} meta mark set ct mark & ${MASK}
      ${FREE} jump came_in
      ${FREE} jump stays_near
      ${FREE} jump balanced
      ct mark set meta mark & ${MASK}
      meta mark & ${MASK} != ${DIRECT} jump stays_near
    }
    chain forwarded { type filter hook prerouting priority mangle; policy accept; jump steer
    }
    chain own { type route hook output priority mangle; policy accept; jump steer
    }`,
};

const FREE = `meta mark & ${MASK} == 0`;

export function markOf(wan: Pick<Wan, 'id'>): number {
  return wan.id << 8;
}

function masked(mark: number): string {
  return `${mark}/${MASK}`;
}

/**
 * The first member takes what is left; each further one stands above it and takes its share of the total so far, in
 * thousandths as iptables is told. Without members nothing goes anywhere.
 */
function pick(alive: readonly Wan[]): string[] {
  const lines: string[] = [];
  let total = 0;
  for (const wan of alive) {
    total += wan.weight;
    const share = Math.floor((wan.weight * 1000) / total);
    const luck = lines.length === 0 ? '' : `numgen random mod 1000 < ${share}`;
    lines.unshift(`${FREE} ${luck} meta mark set ${markOf(wan)}`);
  }
  return lines.length === 0 ? [`meta mark set ${UNREACHABLE}`] : lines;
}
