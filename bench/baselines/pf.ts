/**
 * The shape of pfSense and OPNsense gateway groups: pf's `route-to (...) round-robin`, a gateway repeated as often as its weight, and
 * the state that pins the flow. pf does not run on Linux; a counter and the connection mark stand for it. The detector
 * counts as dpinger does, with each product's numbers.
 */
import { LAN, type Shape, type Wan } from './baseline.js';
import { DPINGER_OPNSENSE, DPINGER_PFSENSE } from './dpinger.js';

const FIRST_MARK = 16;
const FIRST_TABLE = 10;

const PF: Omit<Shape, 'name' | 'prober'> = {
  table: 'peer_pf',
  masquerade: true,
  reload: 'replace',

  rules: (wans) => [
    'pref 500 lookup main suppress_prefixlength 0',
    ...wans.map((wan) => `pref ${510 + wan.id} fwmark ${markOf(wan)} lookup ${FIRST_TABLE + wan.id}`),
  ],

  routes: (wans) => ({
    tables: wans.map(({ id }) => FIRST_TABLE + id),
    lines: wans.map((wan) => `default via ${wan.nextHop} dev ${wan.device} table ${FIRST_TABLE + wan.id}`),
  }),

  ruleset: (wans, alive) => `
    chain state { type filter hook prerouting priority mangle; policy accept
      ct mark != 0 meta mark set ct mark accept
      ${wans.map((wan) => `iifname "${wan.device}" ct state new ct mark set ${markOf(wan)} accept`).join('\n')}
      ${alive.length === 0 ? '' : `iifname "${LAN.device}" ct state new meta mark set ${turn(alive)}`}
      iifname "${LAN.device}" ct state new ct mark set meta mark
    }`,
};

export const PFSENSE: Shape = {
  ...PF,
  name: 'pf (pfSense)',
  prober: { kind: 'dpinger', settings: DPINGER_PFSENSE },
};
export const OPNSENSE: Shape = {
  ...PF,
  name: 'pf (OPNsense)',
  prober: { kind: 'dpinger', settings: DPINGER_OPNSENSE },
};

function markOf(wan: Pick<Wan, 'id'>): number {
  return FIRST_MARK + wan.id;
}

function turn(alive: readonly Wan[]): string {
  const list = alive.flatMap((wan) => Array.from({ length: wan.weight }, () => markOf(wan)));
  return `numgen inc mod ${list.length} map { ${list.map((mark, place) => `${place} : ${mark}`).join(', ')} }`;
}
