/** What the kernel knows of connections of which the first payload decides: their packets pass the daemon, both ways, until it has. Pure. */
import { makesCopies } from '../model/config.js';
import { CHAIN_QUEUE_LAN, CHAIN_QUEUE_WAN, SET_ALIVE, SET_OPENED } from './constants.js';
import type { DesiredState } from './desired.js';
import { hex } from './marks.js';

import { FAMILIES, flowKey, hold, IP, ofLan, range, wans } from './render-words.js';

/** Longer than any payload is awaited; who is decided leaves before. */
const OPENED_LASTS = '120s';
const ALIVE = `meta nfproto @${SET_ALIVE}`;

/** Whether a service has such. */
export function opensAny({ services }: DesiredState): boolean {
  return services.some(
    ({ config }) => config.win === 'first-payload' && makesCopies(config.select.criterion),
  );
}

/** Chains of this file. */
export function openedChains(state: DesiredState): [string, string[]][] {
  if (!opensAny(state)) return [];
  return [
    ['early_opened', earlyOpened(state)],
    ['opened', opened(state)],
    ...(state.local ? [['local_opened', localOpened(state)] as [string, string[]]] : []),
    ['clamp_opened', clampOpened(state)],
  ];
}

/** In `own`: the copies of their set-ups. */
export function noteOpened(state: DesiredState): string[] {
  if (!opensAny(state)) return [];
  return FAMILIES.map((family) => {
    const ip = IP[family];
    const key = `${ip} daddr . tcp dport . ${ip} saddr . tcp sport`;
    return `meta mark and ${hex(state.marks.counted)} != 0 tcp flags & (syn|rst) == syn update @${SET_OPENED[family]} { ${key} timeout ${OPENED_LASTS} }`;
  });
}

/** In `early`: what their servers send. */
export function toEarlyOpened(state: DesiredState): string[] {
  if (!opensAny(state)) return [];
  const toRace = `iifname ${wans(state)} tcp dport ${range(state.racePorts)} tcp flags & (syn|rst) != syn`;
  return FAMILIES.map(
    (family) => `${toRace} ${flowKey('tcp', family)} @${SET_OPENED[family]} ${ALIVE} goto early_opened`,
  );
}

/** The daemon has decided, and sends the packet here once more. */
function earlyOpened({ marks }: DesiredState): string[] {
  const settled = hex(marks.settled);
  return [
    `meta mark and ${settled} != ${settled} goto ${CHAIN_QUEUE_WAN}`,
    ...FAMILIES.map(
      (family) => `meta nfproto ipv${family} delete @${SET_OPENED[family]} { ${flowKey('tcp', family)} }`,
    ),
    `meta mark set meta mark and ${hex(~marks.settled)} accept`,
  ];
}

/** First in `local_way`, where what the gateway itself sends has its route: what it says on them. It keeps the mark that it has come with. */
export function toOpenedLocal(state: DesiredState): string[] {
  if (!opensAny(state)) return [];
  return [`${awaits(state)} ct state established ct direction original meta iif 0 goto local_opened`];
}

/** First in `lan`: what their clients send. */
export function toOpened(state: DesiredState): string[] {
  if (!opensAny(state)) return [];
  return ofLan(state, (fromLan) => `${fromLan} ${awaits(state)} jump opened`);
}

/** The connection's mark: another route may still take it over. */
const awaits = ({ marks }: DesiredState): string => `ct mark and ${hex(marks.sample)} == ${hex(marks.held)}`;

/** The packet goes on as one of a living flow in any case. */
function opened({ marks }: DesiredState): string[] {
  const settled = hex(marks.settled);
  return [
    `meta mark and ${settled} == ${settled} ct mark set ct mark and ${hex(~marks.held)} return`,
    `${ALIVE} meta mark set ct mark goto ${CHAIN_QUEUE_LAN}`,
  ];
}

/** The daemon's verdict names no route, and the rules behind look for one. */
function localOpened({ marks }: DesiredState): string[] {
  return ['jump opened', `${hold(marks)} accept`];
}

/** In `clamp`, and for the gateway itself in `input`: an answer that a client is shown, which another route may carry afterwards. */
export function toClampOpened(state: DesiredState): string[] {
  if (!opensAny(state)) return [];
  return [`${awaits(state)} jump clamp_opened`];
}

function clampOpened({ routes }: DesiredState): string[] {
  const least = (family: 'ipv4' | 'ipv6'): number => Math.min(...routes.map(({ mtu }) => mtu[family]));
  return [
    `meta nfproto ipv4 tcp option maxseg size set ${least('ipv4') - 40}`,
    `meta nfproto ipv6 tcp option maxseg size set ${least('ipv6') - 60}`,
  ];
}
