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
import { hardwareOf, interfaceOf } from '../kernel/where.js';
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
import { PROTOCOL } from '../wire/packet.js';
import { foreseen } from './foreseen.js';
import type { Imagined } from './imagined.js';
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
  const { client: text, destination, port, protocol } = query;
  const client = parseAddress(text)!;
  const addresses = await addressesOf(destination, familyOf(client));
  const from = await interfaceOf(text);
  const outcomes: WhatIfOutcome[] = [];
  for (const address of addresses) {
    const imagined = { client, destination: address, port: port ?? UNNAMED_PORT, protocol };
    outcomes.push(await outcomeOf(gateway, race, imagined, from));
  }
  return {
    time: dateText(monotonicMs()),
    client: text,
    destination,
    port: port ?? null,
    protocol,
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

async function outcomeOf(
  gateway: InForce,
  race: Pick<RaceClient, 'whatIf' | 'memoryOf'>,
  set: Omit<Imagined, 'interface'>,
  from: string | null,
): Promise<WhatIfOutcome> {
  const destination = formatEndpoint(set.destination, 0, set.port);
  const to = await interfaceOf(formatAddress(set.destination));
  const why = whyNotOurs(gateway, from, to);
  if (why !== null || from === null) return notOurs(destination, why ?? '');
  const imagined: Imagined = { ...set, interface: from };
  const { service, passed } = await matched(gateway, imagined);
  const outcome = await foreseen(gateway, race, imagined, service);
  return { destination, service: service?.config.name ?? null, passed, ...outcome };
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

function notOurs(destination: string, why: string): WhatIfOutcome {
  return {
    destination,
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

/** The first service that takes it, and those before. */
async function matched(
  gateway: InForce,
  set: Imagined,
): Promise<{ readonly service: DesiredService | null; readonly passed: readonly PassedService[] }> {
  const desired = gateway.desired();
  const connection: MatchedConnection = {
    client: set.client,
    destination: set.destination,
    destinationPort: set.port,
    protocol: PROTOCOL[set.protocol === 'tcp' ? 'TCP' : 'UDP'],
    interface: set.interface,
    dscp: 0,
    at: new Date(wallAt(monotonicMs())),
    hasName: () => null,
  };
  const passed: PassedService[] = [];
  for (const service of desired.services) {
    const { config } = service;
    let why = service.isActive ? whyNotMatched(config, connection) : 'it is not its time';
    if (why === null && config.match.domain.length > 0) {
      const isNamed = await hasName(service, set);
      why = whyNotNamed(config, { ...connection, hasName: () => isNamed });
    }
    if (why === null) return { service, passed };
    passed.push({ service: config.name, why });
  }
  return { service: null, passed };
}

/** As the kernel would find it: for all, or for what the client's own host has been told. */
async function hasName({ number }: DesiredService, set: Imagined): Promise<boolean> {
  const family = familyOf(set.destination);
  const address = formatAddress(set.destination);
  if ((await lookUpElement(domainSet(family, number), address)) !== null) return true;
  const hardware = set.interface === LOCAL ? null : await hardwareOf(formatAddress(set.client));
  if (hardware === null) return false;
  return (await lookUpElement(askedSet(family, number), `${hardware} . ${address}`)) !== null;
}
