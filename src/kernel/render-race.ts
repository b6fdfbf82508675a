/** What the kernel knows of races: whose flows they are, and which packets may be answers to them. Pure. */
import { CHAIN_QUEUE_LAN, CHAIN_QUEUE_WAN, SET_COPIES, SET_RACING, SET_RESCUED } from './constants.js';
import type { DesiredState } from './desired.js';
import { hex } from './marks.js';
import { noteSent } from './render-datagrams.js';
import { floodRules } from './render-hosts.js';
import { noteOpened } from './render-opened.js';
import { FAMILIES, type Family, flowKey, IP, range } from './render-words.js';

/** Ends the way of what is asked about in forward. */
export const CHAIN_ASK_RACE = 'ask_race';

/** Answers that no copy of the last seconds has brought about, and that the daemon shall see: it tells late servers that nobody waits. */
const STRAYS = 'limit rate 2000/second burst 2000 packets';
/** How long an answer to a copy is no stray; a server sends it again after one second and after three. */
const COPY_LASTS = '8s';
/** How long the answers to a flow that has been rescued are shown to the daemon: longer than any client waits between two SYNs. */
const RESCUED_LASTS = '30s';

/** Chains of races, beside those of the queues. */
export function raceChains(state: DesiredState): [string, string[]][] {
  return [
    ['race', [...floodRules(state.clientRate), `goto ${CHAIN_QUEUE_LAN}`]],
    [
      CHAIN_ASK_RACE,
      [
        ...floodRules(state.clientRate),
        ...FAMILIES.flatMap((family) => marked(state, family)),
        `goto ${CHAIN_QUEUE_LAN}`,
      ],
    ],
    ['own', own(state)],
  ];
}

/**
 * A repeat of a set-up that is raced belongs to its race, whatever the kernel has learnt of its destination meanwhile. A flow that the
 * kernel had decided stays, and its answers are shown to the daemon before conntrack sees them: so that either it is carried by this
 * route, or another one is.
 */
function marked({ raceSeconds }: DesiredState, family: Family): string[] {
  const ip = IP[family];
  const reply = `ct reply ${ip} saddr . ct reply proto-src . ct reply ${ip} daddr . ct reply proto-dst`;
  return [
    `ct status & confirmed == confirmed meta nfproto ipv${family} meta l4proto tcp update @${SET_RESCUED[family]} { ${reply} timeout ${RESCUED_LASTS} }`,
    `ct status & confirmed != confirmed update @${SET_RACING[family]} { ${flowKey('tcp', family)} timeout ${raceSeconds}s }`,
    `ct status & confirmed != confirmed update @${SET_RACING[family]} { ${flowKey('udp', family)} timeout ${raceSeconds}s }`,
  ];
}

/** Matches for set-ups whose races run; datagrams among them where a service copies some. */
export function racing(hasDatagrams: boolean): string[] {
  return FAMILIES.flatMap((family) => [
    `${flowKey('tcp', family)} @${SET_RACING[family]}`,
    ...(hasDatagrams ? [`${flowKey('udp', family)} @${SET_RACING[family]}`] : []),
  ]);
}

/** What the daemon sends: conntrack leaves it alone. The port of a copy is the same on all routes. */
const own = (state: DesiredState): string[] => [
  'notrack',
  ...FAMILIES.map((family) => {
    const key = `${IP[family]} daddr . tcp dport . tcp sport`;
    return `tcp flags & (syn|rst) == syn update @${SET_COPIES[family]} { ${key} timeout ${COPY_LASTS} }`;
  }),
  ...noteSent(state),
  ...noteOpened(state),
];

export function toOwn({ marks }: DesiredState): string[] {
  return [`meta mark and ${hex(marks.ownMask)} == ${hex(marks.own)} goto own`];
}

/** Matches for what comes from where a copy has gone, to its port. */
function answers(family: Family): string {
  return `${IP[family]} saddr . tcp sport . tcp dport @${SET_COPIES[family]}`;
}

/**
 * SYN+ACKs before conntrack: those that answer a copy, and those of rescued flows. Nobody may make us work with more of the others than
 * this: what conntrack does not know either ends in `input`, and a server that waits for us sends its own again.
 */
export function earlyAnswers({ racePorts }: DesiredState): string[] {
  const toRace = `tcp dport ${range(racePorts)}`;
  return [
    ...FAMILIES.map((family) => `${toRace} ${answers(family)} goto ${CHAIN_QUEUE_WAN}`),
    `${toRace} ${STRAYS} goto ${CHAIN_QUEUE_WAN}`,
    ...FAMILIES.map((family) => `${flowKey('tcp', family)} @${SET_RESCUED[family]} goto ${CHAIN_QUEUE_WAN}`),
  ];
}

/** Resets and SYN+ACKs that conntrack does not know. `queue`: to the daemon, as what conntrack has seen. */
export function lateAnswers(queue: string): string[] {
  const isReset = 'ct state invalid meta l4proto tcp tcp flags & rst == rst';
  return [
    ...FAMILIES.map((family) => `${isReset} ${answers(family)} ${queue}`),
    `${isReset} ${STRAYS} ${queue}`,
    `ct state invalid meta l4proto tcp tcp flags & (syn|ack) == (syn|ack) ${STRAYS} ${queue}`,
  ];
}
