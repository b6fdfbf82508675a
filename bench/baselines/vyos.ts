/**
 * The shape of VyOS `load-balancing wan` (1.5): a random pick per packet of a connection that has no answer yet, and translation
 * to the address of the connection mark. Written anew after reading its sources, its defect included: a repeated SYN
 * is picked anew while its translation stays.
 */
import { LAN, type Shape, type Wan } from './baseline.js';

const FIRST_MARK = 200;

export const VYOS: Shape = {
  name: 'VyOS',
  table: 'peer_vyos',
  masquerade: false,
  reload: 'replace',
  prober: { kind: 'loop', pause: 5, timeout: 5 },

  rules: (wans) =>
    wans.flatMap((wan) => [
      `pref ${markOf(wan)} fwmark ${markOf(wan)} lookup main suppress_prefixlength 0`,
      `pref ${markOf(wan) + 100} fwmark ${markOf(wan)} lookup ${markOf(wan)}`,
    ]),

  routes: (wans) => ({
    tables: wans.map(markOf),
    lines: wans.map((wan) => `default via ${wan.nextHop} dev ${wan.device} table ${markOf(wan)}`),
  }),

  ruleset: (wans, alive) => `
    ${wans.map((wan) => `chain by_${wan.device} { meta mark set ${markOf(wan)} ct mark set ${markOf(wan)} counter accept\n}`).join('\n')}
    chain enters { type filter hook prerouting priority mangle; policy accept
      ${alive.length === 0 ? '' : `iifname "${LAN.device}" ct state new counter ${pick(alive)}`}
      iifname "${LAN.device}" counter meta mark set ct mark
    }
    chain own { type filter hook output priority mangle; policy accept
    }
    chain leaves { type nat hook postrouting priority srcnat - 1; policy accept
      ${wans.map((wan) => `ct mark ${markOf(wan)} oifname "${wan.device}" counter snat to ${wan.address}`).join('\n')}
    }`,
};

function markOf(wan: Pick<Wan, 'id'>): number {
  return FIRST_MARK + wan.id;
}

/** A die with as many faces as all weights together, each uplink with a range of them. */
function pick(alive: readonly Wan[]): string {
  let next = 0;
  const faces = alive.map((wan) => {
    const from = next;
    next += wan.weight;
    return `${wan.weight === 1 ? from : `${from}-${next - 1}`} : jump by_${wan.device}`;
  });
  return `numgen random mod ${next} vmap { ${faces.join(', ')} }`;
}
