/** What the kernel knows of datagrams that are raced: which may start a flow that is copied, and which may be answers to copies. Pure. */
import { makesCopies, type ServiceConfig, SPOKEN, type Spoken } from '../model/config.js';
import { CHAIN_QUEUE_WAN, SET_ALIVE, SET_SENT, SET_YOUNG } from './constants.js';
import type { DesiredService, DesiredState } from './desired.js';
import { hex, serviceMark } from './marks.js';
import { FAMILIES, flowKey, IP, ofLan, range, wans } from './render-words.js';

/** The two first bits of a long header (RFC 9000 section 17.2), the versions whose Initials we know, and the least that one is long. */
const QUIC = 'udp length >= 1208 @th,64,2 3 @th,72,32 { 0x00000001, 0x6b3343cf, 0xff00001d-0xff000022 }';
/** The two first bits and the magic cookie of a message (RFC 8489 section 5). */
const STUN = 'meta l4proto udp @th,64,2 0 @th,96,32 0x2112a442';
interface Known {
  /** Its usual ports. */
  readonly ports: readonly number[];
  /** What it is known by on any port. */
  readonly content: string | null;
  /** Each question stands for itself, whoever asks it: it belongs to no group. */
  readonly isQuestion: boolean;
}

const KNOWN: Readonly<Record<Spoken, Known>> = {
  dns: { ports: [53], content: null, isQuestion: true },
  ntp: { ports: [123], content: null, isQuestion: true },
  quic: { ports: [], content: QUIC, isQuestion: false },
  stun: { ports: [3478], content: STUN, isQuestion: false },
  sip: { ports: [5060], content: null, isQuestion: false },
};
/** On ports of a service that says so. */
const ANY_PORT = 'meta l4proto udp';

/** As long as further datagrams may come of a client's first flight; what comes later is a repeat. */
const YOUNG = '300ms';
/** How long answers to copies are told from what else comes to our ports. */
const SENT_LASTS = '30s';

/** Matches for what a service may copy; none for one that copies nothing. */
export function datagrams(state: DesiredState, { config }: DesiredService): string[] {
  if (!makesCopies(config.select.criterion)) return [];
  return isTold(config) ? [ANY_PORT] : usual(known(state));
}

/** Those among them that belong to no group. */
export function questions(state: DesiredState, { config }: DesiredService): string[] {
  if (!makesCopies(config.select.criterion)) return [];
  if (isTold(config) && KNOWN[config.speaks].isQuestion) return [ANY_PORT];
  return usual(known(state).filter(({ isQuestion }) => isQuestion));
}

/** Those that may. */
export function inGroups(state: DesiredState, { config }: DesiredService): string[] {
  if (!makesCopies(config.select.criterion)) return [];
  if (isTold(config)) return KNOWN[config.speaks].isQuestion ? [] : [ANY_PORT];
  return usual(known(state).filter(({ isQuestion }) => !isQuestion));
}

/** The service alone tells what its datagrams are. */
function isTold(config: ServiceConfig): config is ServiceConfig & { speaks: Spoken } {
  return config.speaks !== null && KNOWN[config.speaks].ports.length > 0;
}

/** Who is not followed is not known by its port. */
function known({ followed }: DesiredState): Known[] {
  return SPOKEN.filter((name) => name !== 'sip' || followed.includes(name)).map((name) => KNOWN[name]);
}

/** By ports, and by content. */
function usual(all: readonly Known[]): string[] {
  const ports = all.flatMap((one) => one.ports);
  return [`udp dport { ${ports.join(', ')} }`, ...all.flatMap(({ content }) => content ?? [])];
}

/** Whether a service copies any. */
export function hasDatagrams(state: DesiredState): boolean {
  return state.services.some((service) => datagrams(state, service).length > 0);
}

/** All of them, whatever their service; of those that have been given to one already. */
function any(state: DesiredState): string[] {
  if (!hasDatagrams(state)) return [];
  const { marks } = state;
  const told = state.services
    .filter((service) => isTold(service.config) && datagrams(state, service).length > 0)
    .map(
      ({ number }) =>
        `${ANY_PORT} ct mark and ${hex(marks.serviceMask)} == ${hex(serviceMark(marks, number))}`,
    );
  return [...usual(known(state)), ...told];
}

/** Chains of this file. */
export function datagramChains(state: DesiredState): [string, string[]][] {
  if (!hasDatagrams(state)) return [];
  return [
    ['young', young(state)],
    ['early_udp', early(state)],
    ['answered_udp', answered(state)],
  ];
}

/** In `forward`: the first of a flow that goes by one route. */
export function noteYoung(state: DesiredState): string[] {
  if (!hasDatagrams(state)) return [];
  const first = 'ct state new ct status & confirmed != confirmed';
  return ofLan(state, (fromLan) => `meta l4proto udp ${first} ${fromLan} jump young`);
}

function young(state: DesiredState): string[] {
  return any(state).flatMap((match) =>
    FAMILIES.map(
      (family) => `${match} add @${SET_YOUNG[family]} { ${flowKey('udp', family)} timeout ${YOUNG} }`,
    ),
  );
}

/** Matches for a datagram that is a repeat: its flow has been in the connection table for longer than a first flight takes. */
export function repeats(state: DesiredState): string[] {
  return any(state).flatMap((match) =>
    FAMILIES.map((family) => `${match} ${flowKey('udp', family)} != @${SET_YOUNG[family]}`),
  );
}

/** What leaves as a copy. */
export function noteSent(state: DesiredState): string[] {
  if (!hasDatagrams(state)) return [];
  return FAMILIES.map((family) => {
    const ip = IP[family];
    const key = `${ip} daddr . udp dport . ${ip} saddr . udp sport`;
    return `oifname ${wans(state)} update @${SET_SENT[family]} { ${key} timeout ${SENT_LASTS} }`;
  });
}

/** In `early`: where no copy keeps its client's port, none comes back to another than a race's. */
export function toEarly(state: DesiredState): string[] {
  if (!hasDatagrams(state)) return [];
  const keepsPorts =
    state.services.some(({ config }) => config.translate === false) ||
    state.routes.some((route) => !route.translate || route.prefixes.length > 0);
  const ports = keepsPorts ? '' : `udp dport ${range(state.racePorts)} `;
  return [`meta l4proto udp ${ports}iifname ${wans(state)} meta nfproto @${SET_ALIVE} jump early_udp`];
}

/** The daemon has bound the flow of this answer, and sends it here once more: the next ones are the connection table's alone. */
function early({ marks }: DesiredState): string[] {
  return [
    `meta mark and ${hex(marks.judged)} == ${hex(marks.judged)} goto answered_udp`,
    ...FAMILIES.map((family) => `${flowKey('udp', family)} @${SET_SENT[family]} goto ${CHAIN_QUEUE_WAN}`),
  ];
}

function answered({ marks }: DesiredState): string[] {
  return [
    ...FAMILIES.map(
      (family) => `meta nfproto ipv${family} delete @${SET_SENT[family]} { ${flowKey('udp', family)} }`,
    ),
    `meta mark set meta mark and ${hex(~marks.judged)} accept`,
  ];
}

/** Behind conntrack, which does not know it: what another route answers is nobody's, and no reason to tell its sender so. */
export function dropStrays(state: DesiredState): string[] {
  if (!hasDatagrams(state)) return [];
  return FAMILIES.map(
    (family) => `ct state new ${flowKey('udp', family)} @${SET_SENT[family]} counter name stray_answers drop`,
  );
}
