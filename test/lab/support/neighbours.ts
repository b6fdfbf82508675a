/**
 * What other programs put into netfilter and the rules of a machine that is a gateway, as they write it, by what each needs to run. `up`
 * and `down` are scripts of the gateway's namespace; IPT stands for iptables and ip6tables both.
 */

export interface Neighbour {
  readonly name: string;
  readonly up: string;
  readonly down: string;
}

const MANGLE = 'IPT -t mangle';

function ip(lines: string): string {
  return ['-4', '-6'].map((family) => lines.replaceAll('ip rule', `ip ${family} rule`)).join('\n');
}

/**
 * A tunnel that takes everything, as `wg-quick up` leaves it: marks of its own UDP are kept with the connection, and restored for all UDP.
 * Its ip rules have the places that they get where it comes first; `ip rule add` puts what names none before everybody's.
 */
const WG_QUICK: Neighbour = {
  name: 'wg-quick',
  up: `
    ip link add wg0 type veth peer name wg0p; ip link set wg0 up; ip addr add 10.66.0.2/32 dev wg0
    ip -4 route add default dev wg0 table 51820; ip -6 route add default dev wg0 table 51820
    ${ip(`ip rule add priority 32765 not fwmark 51820 table 51820
    ip rule add priority 32764 table main suppress_prefixlength 0`)}
    for family in ip ip6; do
      nft -f - <<END
        table $family wg-quick-wg0 {
          chain preraw { type filter hook prerouting priority -300; }
          chain premangle {
            type filter hook prerouting priority -150;
            meta l4proto udp meta mark set ct mark
          }
          chain postmangle {
            type filter hook postrouting priority -150;
            meta l4proto udp mark 51820 ct mark set mark
          }
        }
END
    done
    nft add rule ip wg-quick-wg0 preraw iifname != wg0 ip daddr 10.66.0.2 fib saddr type != local drop`,
  down: `
    nft delete table ip wg-quick-wg0; nft delete table ip6 wg-quick-wg0
    ${ip('ip rule del priority 32765; ip rule del priority 32764')}
    ip link del wg0`,
};

/** Its rules of 2024 and later: marks in 0xff0000, kept with connections. */
const TAILSCALE: Neighbour = {
  name: 'Tailscale',
  up: `
    ${ip(`ip rule add priority 5210 fwmark 0x80000/0xff0000 lookup main
    ip rule add priority 5230 fwmark 0x80000/0xff0000 lookup default
    ip rule add priority 5250 fwmark 0x80000/0xff0000 unreachable
    ip rule add priority 5270 lookup 52`)}
    ${MANGLE} -A PREROUTING -m conntrack --ctstate RELATED,ESTABLISHED -j CONNMARK --restore-mark --nfmask 0xff0000 --ctmask 0xff0000
    ${MANGLE} -A OUTPUT -m conntrack --ctstate NEW -m mark ! --mark 0x0/0xff0000 -j CONNMARK --save-mark --nfmask 0xff0000 --ctmask 0xff0000
    IPT -N ts-forward; IPT -I FORWARD -j ts-forward
    IPT -A ts-forward -i tailscale0 -j MARK --set-mark 0x40000/0xff0000
    IPT -A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT
    IPT -A ts-forward -o tailscale0 -j ACCEPT
    IPT -t nat -N ts-postrouting; IPT -t nat -I POSTROUTING -j ts-postrouting
    IPT -t nat -A ts-postrouting -m mark --mark 0x40000/0xff0000 -j MASQUERADE`,
  down: `
    ${ip('for p in 5210 5230 5250 5270; do ip rule del priority $p; done')}
    ${MANGLE} -F; IPT -F FORWARD; IPT -F ts-forward; IPT -X ts-forward
    IPT -t nat -F; IPT -t nat -X ts-postrouting`,
};

/** kube-proxy: what is to be masqueraded is marked 0x4000, what is to be dropped 0x8000; no rule matches the LAN's connections. */
const KUBERNETES: Neighbour = {
  name: 'Kubernetes',
  up: `
    for c in KUBE-MARK-MASQ KUBE-MARK-DROP KUBE-SERVICES KUBE-POSTROUTING; do IPT -t nat -N $c; done
    IPT -t nat -A PREROUTING -j KUBE-SERVICES; IPT -t nat -A OUTPUT -j KUBE-SERVICES
    IPT -t nat -A POSTROUTING -j KUBE-POSTROUTING
    IPT -t nat -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    IPT -t nat -A KUBE-MARK-DROP -j MARK --set-xmark 0x8000/0x8000
    IPT -t nat -A KUBE-SERVICES -p tcp --dport 30080 -j KUBE-MARK-MASQ
    IPT -t nat -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
    IPT -t nat -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
    IPT -t nat -A KUBE-POSTROUTING -j MASQUERADE --random-fully
    for c in KUBE-FIREWALL KUBE-FORWARD; do IPT -N $c; done
    IPT -A INPUT -j KUBE-FIREWALL; IPT -A OUTPUT -j KUBE-FIREWALL; IPT -A FORWARD -j KUBE-FORWARD
    IPT -A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP
    IPT -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
    IPT -A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
    IPT -A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
  down: 'IPT -t nat -F; IPT -t nat -X; IPT -F; IPT -X',
};

/** Restores and saves its bits around the choice of a policy, here the one that leaves packets to the main table. */
const MWAN3: Neighbour = {
  name: 'mwan3',
  up: `
    ${ip(`ip rule add pref 2001 fwmark 0x100/0x3f00 lookup 1
    ip rule add pref 2004 fwmark 0x400/0x3f00 lookup 4
    ip rule add pref 2008 fwmark 0x800/0x3f00 lookup 8
    ip rule add pref 2061 fwmark 0x3d00/0x3f00 blackhole
    ip rule add pref 2062 fwmark 0x3e00/0x3f00 unreachable`)}
    for c in mwan3_hook mwan3_rules; do ${MANGLE} -N $c; done
    ${MANGLE} -A mwan3_hook -j CONNMARK --restore-mark --nfmask 0x3f00 --ctmask 0x3f00
    ${MANGLE} -A mwan3_hook -m mark --mark 0x0/0x3f00 -j mwan3_rules
    ${MANGLE} -A mwan3_hook -j CONNMARK --save-mark --nfmask 0x3f00 --ctmask 0x3f00
    ${MANGLE} -A mwan3_rules -m mark --mark 0x0/0x3f00 -j MARK --set-xmark 0x3f00/0x3f00
    ${MANGLE} -A PREROUTING -j mwan3_hook; ${MANGLE} -A OUTPUT -j mwan3_hook`,
  down: `
    ${ip('for p in 2001 2004 2008 2061 2062; do ip rule del pref $p; done')}
    ${MANGLE} -F; ${MANGLE} -X`,
};

const CONNMARK_ALL: Neighbour = {
  name: 'marks saved and restored without a mask (FireHOL, guides to multi-homing)',
  up: `
    ${MANGLE} -A PREROUTING -j CONNMARK --restore-mark
    ${MANGLE} -A POSTROUTING -j CONNMARK --save-mark`,
  down: `${MANGLE} -F`,
};

const RESTORE_LATE: Neighbour = {
  name: 'marks restored in FORWARD',
  up: `${MANGLE} -A FORWARD -j CONNMARK --restore-mark`,
  down: `${MANGLE} -F`,
};

const SHAPER: Neighbour = {
  name: 'a shaper that marks what is forwarded, whole marks',
  up: `${MANGLE} -A FORWARD -j MARK --set-mark 0x14`,
  down: `${MANGLE} -F`,
};

const SHAPER_EARLY: Neighbour = {
  name: 'a shaper that marks what comes from the LAN before it is routed',
  up: `${MANGLE} -A PREROUTING -i lan0 -j MARK --set-mark 0x14`,
  down: `${MANGLE} -F`,
};

export const NEIGHBOURS: readonly Neighbour[] = [
  WG_QUICK,
  TAILSCALE,
  KUBERNETES,
  MWAN3,
  CONNMARK_ALL,
  RESTORE_LATE,
  SHAPER,
  SHAPER_EARLY,
];

/** Takes the upper half of the mark: bits that it sets and clears on everything that is forwarded. */
export const CALICO: Neighbour = {
  name: 'Calico',
  up: `
    for c in cali-PREROUTING cali-from-host-endpoint; do ${MANGLE} -N $c; done
    ${MANGLE} -A PREROUTING -j cali-PREROUTING
    ${MANGLE} -A cali-PREROUTING -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    ${MANGLE} -A cali-PREROUTING -m mark --mark 0x10000/0x10000 -j ACCEPT
    ${MANGLE} -A cali-PREROUTING -j cali-from-host-endpoint
    for c in cali-FORWARD cali-set-endpoint-mark; do IPT -N $c; done
    IPT -A FORWARD -j cali-FORWARD
    IPT -A cali-FORWARD -j MARK --set-xmark 0x0/0xe0000
    IPT -A cali-FORWARD -j cali-set-endpoint-mark
    IPT -A cali-FORWARD -m mark --mark 0x10000/0x10000 -j ACCEPT
    IPT -A cali-set-endpoint-mark -j MARK --set-xmark 0x5a500000/0xfff00000
    IPT -A FORWARD -j MARK --set-xmark 0x10000/0x10000`,
  down: `${MANGLE} -F; ${MANGLE} -X; IPT -F; IPT -X`,
};

/** A script for `sh`, with iptables of the nft kind. */
export function script(text: string): string {
  const both = 'IPT() { iptables-nft "$@"; ip6tables-nft "$@"; }';
  return `set -e\n${both}\n${text}\n`;
}
