/** The rules of services: which new connections they take, and what the kernel does with them by itself. Pure. */
import { TRIALS_PER_SECOND } from '../core/health/health.js';
import { makesCopies } from '../model/config.js';
import {
  affinityMap,
  askedSet,
  domainSet,
  MAP_SITE,
  MAP_SITE_ASKED,
  memoryMap,
  SET_ALIVE,
  SET_OPEN,
  serviceChain,
  serviceCounter,
} from './constants.js';
import { type DesiredPlan, type DesiredService, type DesiredState, REFRESH_OF } from './desired.js';
import { hex, type Marks, serviceMark } from './marks.js';
import { findGroup, groupType, noteGroup } from './render-affinity.js';
import { CHAIN_COPIES, ofOwnTranslation } from './render-ask.js';
import { datagrams, inGroups, questions, repeats } from './render-datagrams.js';
import { hostSets, takeShare } from './render-hosts.js';
import { clientsWithout } from './render-prefix.js';
import { racing } from './render-race.js';
import {
  noteVerdicts,
  restTunnelChain,
  restTunnelRules,
  type TunnelWay,
  tunnelChains,
  tunnelRules,
} from './render-tunnels.js';
import { ADDRESS, destinationKey, FAMILIES, type Family, IP, KEEP, setMark } from './render-words.js';

const SYN = 'tcp flags & (fin|syn|rst|ack) == syn';
const ALIVE = `meta nfproto @${SET_ALIVE}`;
/** Groups of one service, and addresses of one service's domains. */
const AFFINITY_SIZE = 131_072;
const DOMAIN_SIZE = 65_536;
/** Connections of a service and family that its routes may be tried with. */
const TRIALS = `limit rate ${TRIALS_PER_SECOND}/second`;

/** Chains of a service; the rule that matches goes to the first. */
export function serviceChains(state: DesiredState): Map<string, string[]> {
  const chains = new Map<string, string[]>();
  for (const service of state.services) {
    const { number } = service;
    if (service.config.select.criterion === 'rest') {
      chains.set(serviceChain(number), named(service, restOf(state, service)));
      for (const [name, rules] of restTunnels(state, service)) chains.set(name, rules);
      continue;
    }
    chains.set(serviceChain(number), named(service, decideAll(state, service)));
    const way: TunnelWay = {
      service,
      decide: (target) => decide(state, service, target),
      unlessOpen: (family, verdict) => unlessOpen(state, service, family, verdict, true),
    };
    for (const [name, rules] of tunnelChains(state, way)) chains.set(name, rules);
    for (const family of FAMILIES) chains.set(`take${family}_${number}`, take(state, service, family));
    for (const family of FAMILIES)
      if (service.held[`ipv${family}`].length > 0)
        chains.set(`held${family}_${number}`, heldChain(state, service, family));
    if (service.config.affinity !== 'none') {
      for (const family of FAMILIES) chains.set(`begin${family}_${number}`, begin(state, service, family));
      chains.set(`alone_${number}`, [`meta mark set meta mark ${asFlow(state, service)} ${KEEP} accept`]);
    }
    const tried = service.config.affinity === 'none' ? [] : FAMILIES.filter((f) => isOnTrial(service, f));
    for (const family of tried) chains.set(`try${family}_${number}`, tryGroup(state, service, family));
    if (tried.length > 0) chains.set(`group_${number}`, askGroup(state, service));
    if (FAMILIES.some((family) => isOnTrial(service, family)))
      chains.set(`trial_${number}`, tryOne(state, service));
    chains.set(`ask_${number}`, ask(state, service));
  }
  return chains;
}

/** Maps and sets that the services use, as name and body. Time-outs stand in rules and elements: a set cannot change its own. */
export function serviceSets(state: DesiredState): { maps: [string, string][]; sets: [string, string][] } {
  const maps: [string, string][] = [];
  const sets: [string, string][] = [];
  for (const family of FAMILIES) {
    sets.push([SET_OPEN[family], 'type mark; size 64;']);
    for (const mask of state.memories) {
      const body = `type ${ADDRESS[family]} : mark; flags timeout; size ${state.memorySize};`;
      maps.push([memoryMap(family, mask), body]);
    }
    for (const { number, config } of state.services) {
      if (config.affinity !== 'none' && config.select.criterion !== 'rest') {
        const type = `type ${groupType(config.affinity, family)} : mark; flags dynamic,timeout; size ${AFFINITY_SIZE};`;
        maps.push([affinityMap(family, number, config.affinity), type]);
        sets.push(...hostSets(number, family));
      }
      if (config.match.domain.length > 0)
        sets.push([
          domainSet(family, number),
          `type ${ADDRESS[family]}; flags timeout; size ${DOMAIN_SIZE};`,
        ]);
      if (config.match.domain.length > 0)
        sets.push([
          askedSet(family, number),
          `type ether_addr . ${ADDRESS[family]}; flags timeout; size ${DOMAIN_SIZE};`,
        ]);
    }
    if (state.services.some(({ config }) => config.affinity === 'client+site'))
      maps.push(
        [MAP_SITE[family], `type ${ADDRESS[family]} : mark; flags timeout; size ${DOMAIN_SIZE};`],
        [
          MAP_SITE_ASKED[family],
          `type ether_addr . ${ADDRESS[family]} : mark; flags timeout; size ${DOMAIN_SIZE};`,
        ],
      );
  }
  return { maps, sets };
}

/** Counters of what each service has taken. */
export function serviceCounters(state: DesiredState): string[] {
  return state.services.map(({ number }) => serviceCounter(number));
}

/** Whose number it is: a daemon after this one gives it to no other (service-names.ts). */
function named({ config }: DesiredService, [first, ...others]: readonly string[]): string[] {
  return [`${first} comment "${config.name}"`, ...others];
}

/** Repeats of what is raced, tunnels, and all else. */
function decideAll(state: DesiredState, service: DesiredService): string[] {
  const { number, config, plan, single } = service;
  const isNever = FAMILIES.some(
    (family) => single[`ipv${family}`] !== null && state.never[family].length > 0,
  );
  const mayDecide =
    config.affinity !== 'none' || service.memory !== 0 || plan.ipv4 !== null || plan.ipv6 !== null || isNever;
  const races = mayDecide ? racing(datagrams(state, service).length > 0) : [];
  return [
    ...races.map((isRacing) => `${isRacing} ${ALIVE} goto ask_${number}`),
    ...tunnelRules(service),
    ...decide(state, service, null),
  ];
}

/**
 * Affinity, then memory, then the plan; what none of them decides is asked. `target`: where a tunnel goes that has been given a route;
 * null: it is none.
 */
function decide(state: DesiredState, service: DesiredService, target: string | null): string[] {
  const { number, config, plan } = service;
  const isTunnel = target !== null;
  const chosen = target ?? (config.affinity === 'none' ? 'take' : 'begin');
  const rules = isTunnel ? [] : heldRules(service);
  if (config.affinity !== 'none') {
    if (!isTunnel)
      rules.push(...questions(state, service).map((match) => `${match} ${ALIVE} goto ask_${number}`));
    for (const family of FAMILIES) {
      const map = affinityMap(family, number, config.affinity);
      const found = target ?? (isOnTrial(service, family) ? 'try' : 'take');
      rules.push(...findGroup(config.affinity, family, map, `${found}${family}_${number}`));
    }
  }
  for (const family of FAMILIES) {
    const value = service.single[`ipv${family}`];
    if (value === null || state.never[family].length === 0) continue;
    const isNever = `${IP[family]} daddr { ${state.never[family].join(', ')} }`;
    rules.push(`${isNever} meta mark set ${hex(value)} goto ${chosen}${family}_${number}`);
  }
  const kernelDecides = service.memory !== 0 || plan.ipv4 !== null || plan.ipv6 !== null;
  if (!isTunnel) {
    // What is remembered of connections says nothing of them, and nobody measures them but by asking.
    const left = config.affinity === 'none' ? datagrams(state, service) : inGroups(state, service);
    rules.push(...left.map((match) => `${match} ${ALIVE} goto ask_${number}`));
    for (const family of FAMILIES)
      if (isOnTrial(service, family))
        rules.push(`meta nfproto ipv${family} meta l4proto tcp ${ALIVE} ${TRIALS} goto trial_${number}`);
    const drawn = service.memory !== 0 || config.select.criterion === 'fastest-history';
    if (kernelDecides && drawn && state.refresh > 0)
      rules.push(
        `meta l4proto tcp ${ALIVE} numgen random mod ${REFRESH_OF} < ${state.refresh} goto ask_${number}`,
      );
  }
  if (service.memory !== 0) {
    for (const family of FAMILIES) {
      const key = destinationKey(family, state.aggregate[`ipv${family}`]);
      rules.push(
        `meta mark set ${key} map @${memoryMap(family, service.memory)} goto ${chosen}${family}_${number}`,
      );
    }
  }
  for (const family of FAMILIES) {
    const one = plan[`ipv${family}`];
    if (one !== null)
      rules.push(
        `meta nfproto ipv${family} meta mark set ${planned(one, config.select.by, family)} goto ${chosen}${family}_${number}`,
      );
  }
  return [...rules, `goto ask_${number}`];
}

/** What an operator holds on a route comes before what groups and memory say, whatever is asked otherwise. */
function heldRules({ number, held }: DesiredService): string[] {
  return FAMILIES.flatMap((family) =>
    held[`ipv${family}`].map(
      ({ value, destinations }) =>
        `${IP[family]} daddr { ${destinations.join(', ')} } meta mark set ${hex(value)} jump held${family}_${number}`,
    ),
  );
}

/** It goes by that route, and no group with it; where the route cannot carry it, it is chosen as any other. */
function heldChain(state: DesiredState, service: DesiredService, family: Family): string[] {
  const flow = asFlow(state, service);
  return [
    ...unlessOpen(state, service, family, 'return', false),
    `meta mark set meta mark ${flow} ${KEEP} accept`,
  ];
}

/**
 * A group has a route. Where all that is new belongs to groups nobody else would ask a route on trial, so now and then a
 * connection of one does; its own route goes along in the mark.
 */
function tryGroup(state: DesiredState, service: DesiredService, family: Family): string[] {
  const { number } = service;
  return [
    ...unlessOpen(state, service, family),
    `meta l4proto tcp ${ALIVE} ${TRIALS} goto group_${number}`,
    `goto take${family}_${number}`,
  ];
}

function isOnTrial({ trial }: DesiredService, family: Family): boolean {
  return trial[`ipv${family}`];
}

function askGroup({ marks }: DesiredState, { number }: DesiredService): string[] {
  const bits = marks.chosen | marks.pinned | serviceMark(marks, number);
  return [`meta mark set meta mark ${withRoute(marks, bits)} ${KEEP} goto ${CHAIN_COPIES}`];
}

/** What keeps of a mark the route, and adds bits. */
function withRoute({ routeMask }: Marks, bits: number): string {
  return `and ${hex(routeMask)} or ${hex(bits)}`;
}

/** A route has been chosen: if it is open, the connection and its group go by it. */
function take(state: DesiredState, service: DesiredService, family: Family): string[] {
  const { number, config } = service;
  const flow = asFlow(state, service);
  const check = unlessOpen(state, service, family);
  if (config.affinity === 'none') return [...check, `meta mark set meta mark ${flow} ${KEEP} accept`];
  const map = affinityMap(family, number, config.affinity);
  return [...check, ...noteGroup(config, family, map, flow)];
}

/** The same for what belongs to no group yet: a host that begins too many goes on without. */
function begin(state: DesiredState, service: DesiredService, family: Family): string[] {
  const { number, config } = service;
  return [
    ...unlessOpen(state, service, family),
    ...takeShare(number, family, config.affinityMs, `alone_${number}`),
    `goto take${family}_${number}`,
  ];
}

function asFlow({ marks }: DesiredState, { number, rescuable }: DesiredService): string {
  const bits = serviceMark(marks, number) | marks.chosen | (rescuable ? marks.rescuable : 0);
  return withRoute(marks, bits);
}

/** What is not open is asked. Groups may be older than the service as it is: their routes may no longer be its own. */
function unlessOpen(
  state: DesiredState,
  { number, config }: DesiredService,
  family: Family,
  verdict = `goto ask_${number}`,
  mayBeOthers = config.affinity !== 'none',
): string[] {
  const own = state.routes.filter(({ name }) => config.select.routes.includes(name));
  const without = family === 4 || config.translate === false ? [] : clientsWithout(state.marks, own);
  const open = [
    `meta mark != @${SET_OPEN[family]} ${verdict}`,
    ...without.map((client) => `${client} ${verdict}`),
  ];
  if (!mayBeOthers || own.length === state.routes.length) return open;
  const marks = own.map(({ mark }) => hex(mark)).join(', ');
  return [`meta mark and ${hex(state.marks.routeMask)} != { ${marks} } ${verdict}`, ...open];
}

/**
 * The daemon decides while it lives; else the connection goes where the rest goes. A criterion without copies chooses here, before the
 * routing.
 */
function ask(state: DesiredState, service: DesiredService): string[] {
  const tcp = `meta l4proto tcp ${ALIVE} goto ${CHAIN_COPIES}`;
  // While a route is on trial, others answer for it if it keeps silent.
  const onTrial = FAMILIES.filter((family) => isOnTrial(service, family));
  const later = makesCopies(service.config.select.criterion)
    ? [tcp, ...datagrams(state, service).map((match) => `${match} ${ALIVE} goto ${CHAIN_COPIES}`)]
    : onTrial.map((family) => `meta nfproto ipv${family} ${tcp}`);
  return [...markRest(state, service), ...later, `${ALIVE} goto race`, 'accept'];
}

/** A connection that asks routes on trial is copied, whatever its service chooses by. */
function tryOne(state: DesiredState, service: DesiredService): string[] {
  return [...markRest(state, service), `goto ${CHAIN_COPIES}`];
}

function restOf(state: DesiredState, service: DesiredService): string[] {
  const rules = markRest(state, service).map((rule) => `${rule} accept`);
  return [...restTunnelMatches(service), ...rules];
}

function restTunnels(state: DesiredState, service: DesiredService): [string, string[]][] {
  if (restTunnelMatches(service).length === 0) return [];
  const { number } = service;
  const bits = serviceMark(state.marks, number);
  return restTunnelChain(state, `tunnel_${number}`, markRest(state, service), bits);
}

/** Nobody beyond another route knows the way back to inside addresses. */
function restTunnelMatches({ number, config }: DesiredService): string[] {
  return config.translate === false ? [] : restTunnelRules(config.match, `tunnel_${number}`);
}

/** Rules that set the mark to the rest's route; where no route can carry a family its connections have none. */
function markRest({ marks, rest }: DesiredState, { number }: DesiredService): string[] {
  const service = serviceMark(marks, number);
  return FAMILIES.map((family) => {
    const route = rest[`ipv${family}`] & marks.routeMask;
    const known = route === 0 ? '' : ` ${KEEP}`;
    return `meta nfproto ipv${family} ${setMark(service | (route === 0 ? 0 : route | marks.chosen))}${known}`;
  });
}

/** The mark of a flow's packets: its route alone says where they go. */
export function hold({ flowMask, held }: Marks): string {
  return `meta mark set ct mark and ${hex(flowMask)} or ${hex(held)}`;
}

/**
 * Further packets of a flow that has a route and no answer. A repeated SYN of one that the kernel or a criterion has
 * decided means that its route is silent: the daemon asks the others. Of a new one: the daemon has chosen here, and it comes back.
 */
export function unansweredChain(state: DesiredState): string[] {
  const { marks } = state;
  const { routeMask, serviceMask, rescuable, held, ask } = marks;
  const silent = `ct status & confirmed == confirmed ct mark and ${hex(rescuable)} != 0`;
  const keep = routeMask | serviceMask | rescuable | held;
  return [
    ...noteVerdicts(),
    `ct status & confirmed != confirmed ct mark set meta mark and ${hex(marks.flowMask)} meta mark set ct mark accept`,
    `ct mark and ${hex(marks.chosen)} == 0 meta mark set ct mark and ${hex(routeMask)} accept`,
    hold(marks),
    ...ofOwnTranslation(state, 'accept'),
    `${SYN} ${silent} ${ALIVE} meta mark set meta mark and ${hex(keep)} or ${hex(ask)}`,
    ...repeats(state).map(
      (match) => `${match} ${silent} ${ALIVE} meta mark set meta mark and ${hex(keep)} or ${hex(ask)} accept`,
    ),
    'accept',
  ];
}

function planned(plan: DesiredPlan, by: DesiredService['config']['select']['by'], family: Family): string {
  const { kind, values } = plan;
  if (kind === 'one' || values.length === 1) return hex(values[0]);
  const map = `map { ${values.map((value, i) => `${i} : ${hex(value)}`).join(', ')} }`;
  if (kind === 'turns') return `numgen inc mod ${values.length} ${map}`;
  const client = `${IP[family]} saddr`;
  const destination = `${IP[family]} daddr`;
  const key = { client, destination, 'client+destination': `${client} . ${destination}` }[by];
  return `jhash ${key} mod ${values.length} seed 0x0 ${map}`;
}
