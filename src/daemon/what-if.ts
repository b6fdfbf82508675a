/**
 * What would happen to a new connection now: first what the kernel would do by itself, in the order of its rules and with what is in its own
 * maps (kernel-foresight.ts), and where it would ask, what the engine would (core/what-if.ts). Nothing is sent, nothing changes.
 */
import { lookup } from 'node:dns/promises';
import type { PassedService, WhatIf, WhatIfOutcome, WhatIfQuery } from '../api/contract.js';
import { dateText, monotonicMs, wallAt } from '../kernel/clock.js';
import { askedSet, domainSet } from '../kernel/constants.js';
import type { DesiredService } from '../kernel/desired.js';
import { lookUpElement } from '../kernel/element-lookup.js';
import { interfaceOf } from '../kernel/where.js';
import {
  type AddressWords,
  type Family,
  familyOf,
  formatAddress,
  formatEndpoint,
  parseAddress,
} from '../model/address.js';
import { LOCAL } from '../model/config.js';
import { PathraceError } from '../model/errors.js';
import { FIRST_PROTOCOLS } from '../wire/first-packets.js';
import { addAddress, createKey, keyOf } from '../wire/netlink/nft-elements.js';
import { followed, foreseen } from './foreseen.js';
import type { Imagined } from './imagined.js';
import { Neighbours } from './kept-together.js';
import { type MatchedConnection, whyNotMatched, whyNotNamed } from './match-report.js';
import { within } from './patience.js';
import type { RaceClient } from './race-client.js';
import type { InForce } from './take-over.js';

/** Addresses of a name that are told of. */
const MOST_ADDRESSES = 8;
const LOOK_UP_MS = 3000;

/** Throws E_ARGUMENT for a name that nobody knows. */
export async function whatIf(
  gateway: InForce,
  race: Pick<RaceClient, 'whatIf' | 'memoryOf'>,
  query: WhatIfQuery,
): Promise<WhatIf> {
  const { client: text, destination, port = null, protocol, dscp = null } = query;
  const client = parseAddress(text)!;
  if (port !== null && protocol !== 'tcp' && protocol !== 'udp')
    throw new PathraceError('E_ARGUMENT', `${protocol.toUpperCase()} has no ports.`, {
      found: String(port),
      remedy: 'Leave the port out.',
    });
  const addresses = await addressesOf(destination, familyOf(client));
  const from = await interfaceOf(text);
  const neighbours = new Neighbours();
  const outcomes: WhatIfOutcome[] = [];
  for (const address of addresses) {
    const set = { client, destination: address, port: port ?? UNNAMED_PORT, protocol };
    const to = port === null ? formatAddress(address) : formatEndpoint(address, 0, port);
    const outcome = await outcomeOf(gateway, race, { set, from, dscp, neighbours });
    outcomes.push({ destination: to, ...outcome });
  }
  return {
    time: dateText(monotonicMs()),
    client: text,
    destination,
    port,
    protocol,
    dscp: dscp ?? 0,
    isName: parseAddress(destination) === null,
    outcomes,
  };
}

/** Discard (RFC 863): a port that hardly any rule names. */
const UNNAMED_PORT = 9;

async function addressesOf(destination: string, family: Family): Promise<AddressWords[]> {
  const address = parseAddress(destination);
  if (address !== null) {
    if (familyOf(address) === family) return [address];
    throw new PathraceError('E_ARGUMENT', 'Client and destination are not of one family.');
  }
  const found = await within(
    lookup(destination, { all: true, family }).catch(() => []),
    LOOK_UP_MS,
  );
  const words = (found ?? []).flatMap((one) => parseAddress(one.address) ?? []);
  if (words.length > 0) return words.slice(0, MOST_ADDRESSES);
  const message = `The gateway’s machine knows no IPv${family} address of this name.`;
  throw new PathraceError('E_ARGUMENT', message, { found: JSON.stringify(destination.slice(0, 100)) });
}

interface Asked {
  readonly set: Omit<Imagined, 'interface'>;
  /** The interface behind which the client is; null: nobody knows a way there. */
  readonly from: string | null;
  /** null: it was not said. */
  readonly dscp: number | null;
  readonly neighbours: Neighbours;
}

async function outcomeOf(
  gateway: InForce,
  race: Pick<RaceClient, 'whatIf' | 'memoryOf'>,
  { set, from, dscp, neighbours }: Asked,
): Promise<Omit<WhatIfOutcome, 'destination'>> {
  const to = await interfaceOf(formatAddress(set.destination));
  const why = whyNotOurs(gateway, from, to);
  if (why !== null || from === null) return notOurs(why ?? '');
  const imagined: Imagined = { ...set, interface: from };
  const announced = await followed(gateway, imagined);
  if (announced !== null) return { service: null, passed: [], ...announced };
  const { service, passed, others } = await matched(gateway, imagined, dscp, neighbours);
  const outcome = await foreseen(gateway, race, imagined, service, neighbours);
  const untold =
    dscp !== null || others.length === 0
      ? []
      : [`Its DSCP was not said and is taken to be 0; with another one ${others.join(', ')} may take it.`];
  return {
    service: service?.config.name ?? null,
    passed,
    ...outcome,
    notes: [...outcome.notes, ...untold],
  };
}

/** Why it does not pass the rules of services; null: it does. */
function whyNotOurs({ config }: InForce, from: string | null, to: string | null): string | null {
  if (from === null) return 'nobody knows a way to this client';
  if (from === LOCAL && !config.local) return 'it is the gateway itself, and `lan` does not name `local`';
  if (from !== LOCAL && !config.lan.includes(from))
    return `the client is behind ${from}, which is no interface of \`lan\``;
  if (to === LOCAL) return 'the destination is the gateway itself';
  const isOut = to === null || config.routes.some((route) => route.interface === to);
  return isOut ? null : `the main table has a way of its own to this destination, by ${to}`;
}

function notOurs(why: string): Omit<WhatIfOutcome, 'destination'> {
  return {
    service: null,
    passed: [],
    criterion: 'none',
    by: 'main-table',
    action: 'not-ours',
    route: null,
    reasons: ['main-table'],
    text: `No route is chosen for it: ${why}.`,
    routes: [],
    memory: null,
    pin: null,
    notes: [],
  };
}

interface Matched {
  readonly service: DesiredService | null;
  readonly passed: readonly PassedService[];
  /** Of those before it the ones that only its DSCP keeps from taking it. */
  readonly others: readonly string[];
}

/** The first service that takes it, and those before. */
async function matched(
  gateway: InForce,
  set: Imagined,
  dscp: number | null,
  neighbours: Neighbours,
): Promise<Matched> {
  const connection: MatchedConnection = {
    client: set.client,
    destination: set.destination,
    destinationPort: set.port,
    protocol: FIRST_PROTOCOLS[set.protocol],
    interface: set.interface,
    dscp: dscp ?? 0,
    at: new Date(wallAt(monotonicMs())),
    hasName: () => null,
  };
  const passed: PassedService[] = [];
  const others: string[] = [];
  for (const service of gateway.desired().services) {
    const { config, isActive } = service;
    const isNamed = config.match.domain.length > 0 && (await hasName(service, set, neighbours));
    const whyNot = (one: MatchedConnection): string | null =>
      isActive
        ? (whyNotMatched(config, one) ?? whyNotNamed(config, { ...one, hasName: () => isNamed }))
        : 'it is not its time';
    const why = whyNot(connection);
    if (why === null) return { service, passed, others };
    passed.push({ service: config.name, why });
    if (whyNot({ ...connection, dscp: null }) === null) others.push(config.name);
  }
  return { service: null, passed, others };
}

/** As the kernel would find it: for all, or for what the client's own host has been told. */
async function hasName(
  { number }: DesiredService,
  { client, destination, interface: from }: Imagined,
  neighbours: Neighbours,
): Promise<boolean> {
  const family = familyOf(destination);
  if (lookUpElement(domainSet(family, number), keyOf(createKey(), family, destination)) !== null) return true;
  const own = from === LOCAL ? null : await neighbours.keyOf(client);
  if (own === null) return false;
  return lookUpElement(askedSet(family, number), addAddress(own, family, destination)) !== null;
}
