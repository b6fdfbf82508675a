/** Rules and routing tables: what shall be, as the text `ip` takes; what is, read back into the same text. Pure. */
import { bitsOf } from '../model/mark-mask.js';
import { RT_PROTOCOL } from './constants.js';
import type { DesiredState } from './desired.js';

/** Complete list of our rules and routes of one family, each as the words behind `ip rule add` and `ip route replace`. */
export interface IpState {
  readonly rules: readonly string[];
  readonly routes: readonly string[];
}

export type IpFamily = 'ipv4' | 'ipv6';

/**
 * The order (docs/decisions/0018-order-of-rules.md). First what the main table knows better than by a default route: the way to a LAN
 * for whoever names its interface, as a flowtable does, whatever the mark; and every way for packets that are not bound to a
 * route. Then the marks of routes.
 */
const MAIN_OFFSET = 0;
const ALL_BUT_DEFAULT = 'lookup main suppress_prefixlength 0';
/**
 * Then nothing more for who asks what there is besides a default route, and the rules for a route's own addresses: what the
 * gateway itself sends from them leaves by their provider.
 */
const FROM_OFFSET = 33;
const METRIC = 1;
/**
 * Behind the rules for marks: what the daemon is asked about must be routed, or it never comes to be asked. So while its own route
 * has no way it goes by the best that has one; forward sees to it that it does not leave there (render.ts, `asked`).
 */
const ASK_OFFSET = 17;
const BOUND_OFFSET = 18;
/**
 * And their end: without a way out, nothing falls through to another provider. Not `unreachable`: an error would end a connection
 * whose next SYN finds another route.
 */
const END_OFFSET = 31;

export function desiredIp(state: DesiredState, family: IpFamily): IpState {
  const first = state.rulePriority + MAIN_OFFSET;
  const { marks } = state;
  const noDefault = `${mark(marks.noDefault)}/${mark(marks.routeMask)}`;
  const ask = `${mark(marks.ask)}/${mark(marks.askMask)}`;
  const rules = [
    ...state.lan.map((name) => `priority ${first} oif ${name} ${ALL_BUT_DEFAULT}`),
    `priority ${first} fwmark 0x0/${mark(marks.held)} ${ALL_BUT_DEFAULT}`,
    ...(state.wayBackIsChecked ? wayBackRules(state) : []),
    `priority ${state.rulePriority + FROM_OFFSET} fwmark ${noDefault} blackhole`,
    `priority ${state.rulePriority + ASK_OFFSET} fwmark ${ask} lookup ${state.askTable}`,
    ...(state.local ? boundRules(state) : []),
  ];
  const routes: string[] = [];
  for (const route of state.routes) {
    const part = route[family];
    const { table } = route;
    const priority = state.rulePriority + route.number;
    const of = { fwmark: mark(route.mark), fwmask: mark(marks.routeMask) };
    rules.push(rule({ priority, ...of, table }));
    rules.push(rule({ priority: state.rulePriority + END_OFFSET, ...of, table: null }));
    if (part === null) continue;
    for (const src of route.translate ? part.addresses : []) {
      rules.push(rule({ priority: priority + FROM_OFFSET, src, table }));
    }
    const way = {
      // An IPv4 route over an IPv6 next hop (RFC 8950) names the family.
      gateway: family === 'ipv4' && part.gateway?.includes(':') ? `inet6 ${part.gateway}` : part.gateway,
      dev: route.interface,
      onlink: part.gateway !== null,
      mtu: route.isNarrow[family] ? mtuText(family, route.mtu[family]) : '',
    };
    routes.push(routeText({ ...way, table, metric: METRIC }));
    routes.push(routeText({ ...way, table: state.askTable, metric: METRIC + route.number }));
  }
  return { rules, routes };
}

/**
 * A rule of nft's that looks for the way back to the source of a packet of a living flow does so as if this machine asked (`iif lo`,
 * nft_fib_ipv4.c and nft_fib_ipv6.c in the kernel), with a mark that holds what asks to the flow's route. For the daemon's own packets, the one other thing with that
 * bit that this machine asks about, it must: they have all bits of a service, so one that is not set tells them from flows.
 */
function wayBackRules({ rulePriority, marks }: DesiredState): string[] {
  return bitsOf(marks.serviceMask).map((bit) => {
    const mask = (marks.held | (1 << bit)) >>> 0;
    return `priority ${rulePriority + MAIN_OFFSET} iif lo fwmark ${mark(marks.held)}/${mark(mask)} ${ALL_BUT_DEFAULT}`;
  });
}

/**
 * A socket that is bound to an interface has no other way, whatever has been chosen for its packets: without one they would not leave at all.
 */
function boundRules({ rulePriority, routes, marks, askTable }: DesiredState): string[] {
  const chosen = `${mark(marks.chosen)}/${mark(marks.chosen)}`;
  return [...new Set(routes.map((route) => route.interface))].map(
    (name) => `priority ${rulePriority + BOUND_OFFSET} oif ${name} fwmark ${chosen} lookup ${askTable}`,
  );
}

/** Reads the JSON of `ip -j rule show` and `ip -j route show table all proto 82`, of one family. */
export function currentIp(rulesJson: string, routesJson: string, family: IpFamily): IpState {
  const rules = parse<RuleJson>(rulesJson).filter((item) => item.protocol === String(RT_PROTOCOL));
  return {
    rules: rules.map((item) =>
      rule({
        priority: item.priority,
        table: item.table ?? null,
        ...(item.suppress_prefixlen === undefined ? {} : { suppress: item.suppress_prefixlen }),
        ...(item.iif === undefined ? {} : { iif: item.iif }),
        ...(item.oif === undefined ? {} : { oif: item.oif }),
        ...(item.fwmark === undefined
          ? {}
          : { fwmark: mark(Number(item.fwmark)), fwmask: item.fwmask ?? '0xffffffff' }),
        ...(item.src === 'all' ? {} : { src: item.src }),
      }),
    ),
    routes: parse<RouteJson>(routesJson).map((item) =>
      item.type === 'blackhole'
        ? `blackhole default table ${item.table} metric ${item.metric}`
        : routeText({
            gateway: item.gateway ?? (item.via === undefined ? null : `${item.via.family} ${item.via.host}`),
            dev: item.dev ?? '',
            table: item.table,
            metric: item.metric ?? 0,
            onlink: item.flags.includes('onlink'),
            // It does not say whether it is locked.
            mtu: item.metrics?.[0]?.mtu === undefined ? '' : mtuText(family, item.metrics[0].mtu),
          }),
    ),
  };
}

/**
 * The lines for `ip -batch` that lead from one state to the other; empty when they are equal. New comes before old
 * goes, except where one replaces the other by its key.
 */
export function ipChanges(current: IpState, desired: IpState): string[] {
  const protocol = String(RT_PROTOCOL);
  const missing = (want: readonly string[], have: readonly string[]): string[] => {
    const present = new Set(have);
    return want.filter((line) => !present.has(line));
  };
  const replaced = new Set(desired.routes.map(routeKey));
  return [
    ...missing(desired.routes, current.routes).map((line) => `route replace ${line} proto ${protocol}`),
    ...missing(desired.rules, current.rules).map((line) => `rule add ${line} protocol ${protocol}`),
    ...missing(current.rules, desired.rules).map((line) => `rule del ${line} protocol ${protocol}`),
    ...missing(current.routes, desired.routes)
      .filter((line) => !replaced.has(routeKey(line)))
      .map((line) => `route del ${line} proto ${protocol}`),
  ];
}

interface RuleJson {
  priority: number;
  src: string;
  iif?: string;
  oif?: string;
  /** `0` has no 0x before it. */
  fwmark?: string;
  fwmask?: string;
  /** Absent where the rule is a blackhole. */
  table?: string;
  suppress_prefixlen?: number;
  protocol?: string;
}

interface RouteJson {
  type?: string;
  gateway?: string;
  via?: { family: string; host: string };
  dev?: string;
  table: string;
  metric?: number;
  metrics?: { mtu?: number }[];
  flags: string[];
}

function parse<T>(json: string): T[] {
  return json.trim() === '' ? [] : (JSON.parse(json) as T[]);
}

function rule(r: {
  priority: number;
  iif?: string;
  oif?: string;
  fwmark?: string;
  fwmask?: string;
  src?: string;
  suppress?: number;
  /** null: a blackhole. */
  table: number | string | null;
}): string {
  const mark = r.fwmark === undefined ? '' : `fwmark ${r.fwmark}/${r.fwmask} `;
  const into = r.iif === undefined ? '' : `iif ${r.iif} `;
  const out = r.oif === undefined ? '' : `oif ${r.oif} `;
  const from = r.src === undefined ? '' : `from ${r.src} `;
  const suppress = r.suppress === undefined ? '' : ` suppress_prefixlength ${r.suppress}`;
  const action = r.table === null ? 'blackhole' : `lookup ${r.table}`;
  return `priority ${r.priority} ${from}${into}${out}${mark}${action}${suppress}`;
}

function routeText(r: {
  gateway: string | null;
  dev: string;
  table: number | string;
  metric: number;
  onlink: boolean;
  mtu: string;
}): string {
  const via = r.gateway === null ? '' : `via ${r.gateway} `;
  return `default ${via}dev ${r.dev} table ${r.table} metric ${r.metric}${r.onlink ? ' onlink' : ''}${r.mtu}`;
}

/**
 * Forwarding answers what does not fit by itself: IPv4 by the route's MTU since Linux 5.9, IPv6 by it only where it is locked
 * (ip6_dst_mtu_maybe_forward in include/net/ip6_route.h).
 */
function mtuText(family: IpFamily, mtu: number): string {
  return family === 'ipv4' ? ` mtu ${mtu}` : ` mtu lock ${mtu}`;
}

/** IPv4 replaces by destination, table and metric; IPv6 too for routes of one next hop. */
function routeKey(line: string): string {
  return /table \S+ metric \S+/.exec(line)?.[0] ?? line;
}

/** `ip` prints marks without leading zeros. */
function mark(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}
