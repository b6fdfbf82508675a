/** Who speaks with whom in a program: few clients, servers and ports. */
import { type AddressWords, type Family, parseAddress } from '../../src/model/address.js';
import type { Endpoint } from '../../src/sim/packets.js';

export const ROUTES = 4;

const parsed = new Map<string, AddressWords>();

/** BOUNDED: the few addresses of this folder. Not to be written to. */
export function words(text: string): AddressWords {
  const known = parsed.get(text) ?? parseAddress(text);
  if (known === null) throw new RangeError(`"${text}" is not an address`);
  parsed.set(text, known);
  return known;
}

export interface Flow {
  readonly family: Family;
  readonly client: Endpoint;
  readonly server: Endpoint;
}

/** The last client and server are those of the packets that mutants are made of. fd00:1::/48 has an outside prefix, fd00:2::/48 has none. */
const LANS = {
  4: { clients: ['10.0.0.2', '10.0.0.3', '192.168.1.10'], servers: ['198.51.100.1', '198.51.100.7'] },
  6: { clients: ['fd00:1::2', 'fd00:2::2', 'fd00::10'], servers: ['2001:db8:100::1', '2001:db8::7'] },
} as const;
/** Inside and outside of the race ports. */
const CLIENT_PORTS = [40_000, 1025];

const flows: readonly Flow[] = ([4, 6] as const).flatMap((family) => {
  const { clients, servers } = LANS[family];
  const all = clients.flatMap((client) =>
    servers.flatMap((server) => CLIENT_PORTS.map((port) => flowOf(family, client, port, server))),
  );
  return [...all, flowOf(family, clients[0], 40_000, family === 4 ? '169.254.1.1' : 'fe80::1')];
});

export const FLOWS = flows.length;

export function flowAt(index: number): Flow {
  return flows[index];
}

function flowOf(family: Family, client: string, port: number, server: string): Flow {
  return {
    family,
    client: { address: words(client), port },
    server: { address: words(server), port: 443 },
  };
}

export const ISNS: readonly number[] = [1000, -1, 0x7fffffff];
