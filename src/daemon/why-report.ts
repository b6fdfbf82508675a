/** What `why` shows: decisions as the engine has noted them, and connections that are open although nobody has noted them. */
import type { AttemptReport, Decision, DecisionPin, RouteState, WhyQuery } from '../api/contract.js';
import { WHY_LIMIT } from '../api/paths.js';
import { unknownName } from '../config/vocabulary.js';
import { type AnswerRecord, type DecisionRecord, NO_TIME } from '../core/decision-columns.js';
import { STANDING } from '../core/decisions.js';
import { dateText, monotonicMs } from '../kernel/clock.js';
import { type OpenFlow, searchFlows } from '../kernel/flow-search.js';
import { type Marks, marksOf, routeOfMark, serviceOfMark } from '../kernel/marks.js';
import {
  type AddressWords,
  type Family,
  familyOf,
  formatAddress,
  formatEndpoint,
  parseAddress,
} from '../model/address.js';
import { makesCopies, type ServiceConfig } from '../model/config.js';
import { Prefixes } from '../model/prefixes.js';
import { ANSWER, type OpenReason } from '../model/reasons.js';
import { isOfTunnel } from '../model/tunnels.js';
import { PROTOCOL } from '../wire/packet.js';
import type { GatewayState } from './gateway-state.js';
import { Holders, heldPin } from './holders.js';
import { passedBy } from './match-report.js';
import type { RaceClient } from './race-client.js';
import type { InForce } from './take-over.js';

/** The newest first; connections that the kernel alone knows before those that were noted, as they are open now. */
export async function explain(
  gateway: InForce,
  race: Pick<RaceClient, 'decisions'>,
  query: WhyQuery,
): Promise<readonly Decision[]> {
  const { limit = WHY_LIMIT } = query;
  const question = {
    destination: query.address === undefined ? null : parseAddress(query.address),
    client: query.client === undefined ? null : parseAddress(query.client),
    port: query.port ?? null,
    clientPort: query.clientPort ?? null,
    protocol: query.protocol === undefined ? null : protocolNumber(query.protocol),
    route: routeOrService(gateway, 'route', query.route),
    service: routeOrService(gateway, 'service', query.service),
  };
  const { decisions, originMs } = await race.decisions(question, limit);
  const holders = new Holders(gateway);
  const noted = await each(decisions, async (record) => {
    const decision = toDecision(record, gateway, originMs);
    return {
      ...decision,
      ...(await heldBy(holders, record, decision)),
      ...passedBy(gateway.config, decision, { ...record, atMs: originMs + record.at / 1000 }),
    };
  });
  // Everything that is open would be too much for anybody.
  const asks = Object.values(question).some((value) => value !== null && value !== 0);
  const marks = marksOf(gateway.config.kernel.mark);
  const open = asks ? await searchFlows(marks, question, limit, true) : [];
  const living = new Map(open.map((flow) => [keyOfFlow(flow, marks, gateway), flow]));
  const known = noted.map((decision): Decision => {
    const key = keyOf(decision);
    const flow = living.get(key);
    if (flow === undefined) return decision;
    living.delete(key);
    return { ...decision, open: true, ...fast(flow, gateway) };
  });
  const time = dateText(monotonicMs());
  const unknown = await each([...living.values()], async (flow): Promise<Decision> => {
    const decision = openDecision(flow, marks, gateway, time);
    const held = await heldBy(holders, flow, decision);
    return {
      ...decision,
      ...held,
      ...(isAnnounced(decision, held.pin) ? { reasons: ['follows'] } : {}),
      ...passedBy(gateway.config, decision, { ...flow, atMs: monotonicMs() }),
    };
  });
  return [...unknown.slice(0, Math.max(limit - known.length, Math.ceil(limit / 2))), ...known].slice(
    0,
    limit,
  );
}

/** One after the other: what two of them ask for is looked up once. */
async function each<T, U>(all: readonly T[], work: (one: T) => Promise<U>): Promise<U[]> {
  const done: U[] = [];
  for (const one of all) done.push(await work(one));
  return done;
}

/** What holds the next connections of its kind. */
async function heldBy(
  holders: Holders,
  { client, destination, destinationPort, protocol }: Omit<Told, 'mark'> & { readonly client: AddressWords },
  { service = null }: Decision,
): Promise<Pick<Decision, 'pin'>> {
  const pin = await holders.of({ client, destination, port: destinationPort, protocol, service });
  return pin === null ? {} : { pin };
}

/** The mark of what a call has announced is that of what goes where the rest goes. */
function isAnnounced({ route, reasons }: Decision, pin: DecisionPin | undefined): boolean {
  return reasons.includes('rest' satisfies OpenReason) && pin?.by === 'control' && pin.route === route;
}

/** 0: any. Throws E_ARGUMENT for a name that there is not. */
export function routeOrService(
  gateway: GatewayState,
  what: 'route' | 'service',
  name: string | undefined,
): number {
  if (name === undefined) return 0;
  const list: readonly { readonly name: string }[] = gateway.config[`${what}s`];
  const names = list.map((one) => one.name);
  if (!names.includes(name)) throw unknownName(what, name, names);
  return gateway.numbers[`${what}s`].of(name);
}

/** A connection over one route; a later one by the same ports and another route is another. */
function keyOf({ protocol, client, destination, route }: Decision): string {
  return `${protocol} ${client} ${destination} ${route}`;
}

function keyOfFlow(flow: OpenFlow, marks: Marks, gateway: GatewayState): string {
  const route = gateway.numbers.routes.nameOf(routeOfMark(marks, flow.mark));
  const { client, clientPort, destination, destinationPort, protocol } = flow;
  const ends = `${endpoint(client, clientPort)} ${endpoint(destination, destinationPort)}`;
  return `${protocolName(protocol)} ${ends} ${route}`;
}

/** A connection that the engine has not noted, as its mark tells it. */
export function openDecision(flow: OpenFlow, marks: Marks, gateway: GatewayState, time: string): Decision {
  const { routes, services } = gateway.numbers;
  const number = serviceOfMark(marks, flow.mark);
  const service = gateway.config.services.find((one) => one.name === services.nameOf(number));
  return {
    time,
    by: 'kernel',
    protocol: protocolName(flow.protocol),
    client: endpoint(flow.client, flow.clientPort),
    destination: endpoint(flow.destination, flow.destinationPort),
    service: service?.name ?? null,
    route: routes.nameOf(routeOfMark(marks, flow.mark)),
    criterion: service?.select.criterion ?? 'rest',
    reasons: [
      isHeldFlow(flow, marks, gateway) ? 'held' : openReason(flow, marks, service, gateway.config.race.never),
    ],
    routes: [],
    open: true,
    ...fast(flow, gateway),
  };
}

/**
 * How a connection came to its route, by what its mark has kept. A group and what chose for its first connection leave the same mark, so
 * where a service has groups it may have been either.
 */
export function openReason(
  { mark, protocol, destination, destinationPort }: Told,
  marks: Marks,
  service: ServiceConfig | undefined,
  never: readonly string[],
): OpenReason {
  const has = (bits: number): boolean => (mark & bits) !== 0;
  if ((mark & marks.serviceMask) >>> 0 === marks.apart) return 'came-by-it';
  if (!has(marks.chosen)) return 'main-table';
  const { criterion, routes } = service?.select ?? REST;
  if (criterion === 'fixed') return criterion;
  if (isOfTunnel(protocol, destinationPort)) return 'tunnel';
  if (service === undefined || criterion === 'rest') return 'rest';
  if (makesCopies(criterion) && isIn(never, destination)) return 'never-raced';
  const grouped = service.affinity !== 'none';
  if (has(marks.rescuable) || routes.length === 1) {
    if (criterion === 'race') return grouped ? 'group-or-remembered' : 'remembered';
    return grouped ? 'group-or-criterion' : 'criterion';
  }
  return makesCopies(criterion) ? 'raced-before' : 'chosen-before';
}

/** What a flow tells of how it came to its route. */
type Told = Pick<OpenFlow, 'mark' | 'protocol' | 'destination' | 'destinationPort'>;
const REST = { criterion: 'rest', routes: [] } as const;

function isIn(prefixes: readonly string[], address: AddressWords): boolean {
  const set = new Prefixes();
  set.set(prefixes);
  return set.has(address);
}

/** A decision in words. `originMs` is the monotonic time at which the engine's clock was 0. */
export function toDecision(
  record: DecisionRecord,
  gateway: Pick<GatewayState, 'config' | 'numbers' | 'pins'>,
  originMs: number,
): Decision {
  const { routes, services } = gateway.numbers;
  const name = (number: number): string | null => (number === 0 ? null : routes.nameOf(number));
  const service = gateway.config.services.find((one) => one.name === services.nameOf(record.service));
  const { client, clientPort, destination, destinationPort } = record;
  const attempts = record.answers.flatMap((answer, index) => {
    if (answer.answer === ANSWER.NONE) return [];
    const isTrial = (record.trials & (1 << (index + 1))) !== 0;
    return [attemptOf(name(index + 1) ?? String(index + 1), answer, isTrial, record)];
  });
  return {
    id: record.number,
    time: dateText(originMs + record.at / 1000),
    by: record.raced ? 'race' : 'daemon',
    protocol: protocolName(record.protocol),
    client: endpoint(client, clientPort),
    destination: endpoint(destination, destinationPort),
    service: service?.name ?? null,
    route: name(record.route),
    criterion: criterionOf(record, service?.select.criterion),
    reasons: [record.reason],
    routes: attempts,
    states: statesOf(record, name),
    ...memoryOf(record, name(record.route)),
    ...leadOf(attempts, name(record.route)),
    ...pinOf(gateway, service, record),
  };
}

function statesOf(
  { standings }: DecisionRecord,
  name: (number: number) => string | null,
): Record<string, RouteState> {
  const known = standings.flatMap((standing, index): [string, RouteState][] => {
    const route = name(index + 1);
    return route === null || standing === STANDING.ABSENT ? [] : [[route, STATES[standing]]];
  });
  return Object.fromEntries(known);
}

/** In the order of STANDING. */
const STATES: readonly RouteState[] = ['up', 'suspect', 'down', 'draining', 'disabled'];

function memoryOf({ memoryAge }: DecisionRecord, route: string | null): Pick<Decision, 'memory'> {
  if (memoryAge < 0 || route === null) return {};
  return { memory: { route, ageSeconds: Math.round(memoryAge / 1e5) / 10 } };
}

/** By how much earlier than the next one the winner has answered. */
function leadOf(attempts: readonly AttemptReport[], route: string | null): Pick<Decision, 'lead'> {
  const won = attempts.find((attempt) => attempt.route === route)?.answeredMicros;
  if (won === undefined) return {};
  let next: { over: string; micros: number } | null = null;
  for (const { route: over, answeredMicros } of attempts) {
    if (over === route || answeredMicros === undefined) continue;
    const micros = answeredMicros - won;
    if (next === null || micros < next.micros) next = { over, micros };
  }
  return next === null ? {} : { lead: next };
}

/** A destination that is held by command, as it is now. */
function pinOf(
  gateway: Pick<GatewayState, 'pins'>,
  service: ServiceConfig | undefined,
  { protocol, destination, destinationPort }: DecisionRecord,
): Pick<Decision, 'pin'> {
  if (service === undefined || isOfTunnel(protocol, destinationPort)) return {};
  const pin = heldPin(gateway, service, destination);
  return pin === null ? {} : { pin };
}

function isHeldFlow({ destination, mark }: OpenFlow, marks: Marks, { pins, numbers }: GatewayState): boolean {
  const pin = pins.of(formatAddress(destination));
  return pin !== undefined && numbers.routes.of(pin.route) === routeOfMark(marks, mark);
}

function attemptOf(
  route: string,
  { answer, rttMicros, sentAfter, answeredAfter, copies, isIntercepted }: AnswerRecord,
  isTrial: boolean,
  { client, protocol }: DecisionRecord,
): AttemptReport {
  return {
    route,
    ...(rttMicros >= 0 ? { rttMicros: Math.round(rttMicros) } : {}),
    answer: answerText(answer, familyOf(client), protocol === PROTOCOL.UDP),
    ...(sentAfter === NO_TIME ? {} : { sentMicros: sentAfter }),
    ...(answeredAfter === NO_TIME ? {} : { answeredMicros: answeredAfter }),
    ...(copies > 1 ? { copies } : {}),
    ...(isTrial ? { trial: true } : {}),
    ...(isIntercepted ? { intercepted: true } : {}),
  };
}

/** The service's criterion; a connection of a raced service that could not be raced was chosen by none. */
function criterionOf(record: DecisionRecord, criterion: string | undefined): string {
  if (record.raced) return criterion ?? 'race';
  const chosen: readonly string[] = ['criterion', 'remembered', 'affinity', 'same-flow'];
  return chosen.includes(record.reason) && criterion !== undefined ? criterion : 'single';
}

function answerText(answer: number, family: Family, isDatagram: boolean): string {
  const word = (isDatagram ? DATAGRAM_ANSWERS[answer] : undefined) ?? ANSWERS[answer];
  if (word !== undefined) return word;
  const evidence = answer - ANSWER.ICMP;
  return `${family === 4 ? 'icmp' : 'icmpv6'} ${evidence >>> 8}/${evidence & 255}`;
}

const ANSWERS: Readonly<Record<number, string | undefined>> = {
  [ANSWER.SILENCE]: 'silence',
  [ANSWER.ANSWERED]: 'syn-ack',
  [ANSWER.REFUSED]: 'rst',
  [ANSWER.NOT_SENT]: 'not-sent',
  [ANSWER.FAILED]: 'failed',
  [ANSWER.WAITED]: 'waited',
};

/** In place of those for connections. */
const DATAGRAM_ANSWERS: Readonly<Record<number, string | undefined>> = {
  [ANSWER.ANSWERED]: 'answer',
  [ANSWER.REFUSED]: 'no',
};

function fast({ offloaded }: OpenFlow, gateway: GatewayState): { fastPath?: true } {
  return offloaded && gateway.fastPath.state === 'on' ? { fastPath: true } : {};
}

/** What has no ports (ICMP) is named by its address alone. */
function endpoint(words: AddressWords, port: number): string {
  return port === 0 ? formatAddress(words) : formatEndpoint(words, 0, port);
}

/** Of one of those words. */
export function protocolNumber(name: string): number {
  return Number(Object.entries(PROTOCOL_NAMES).find(([, known]) => known === name)?.[0] ?? 0);
}

function protocolName(protocol: number): string {
  return PROTOCOL_NAMES[protocol] ?? String(protocol);
}

const PROTOCOL_NAMES: Readonly<Record<number, string | undefined>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmpv6',
};
