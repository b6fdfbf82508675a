/** What the people of the office do: pages, mail, calls, backups, names, and connections that stay open; in both families. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connector, clientAddress, type Lab } from '../../lab/index.js';
import { ask, NameServer } from '../../lab/name-server.js';
import { type Random, random, subSeed } from '../../src/sim/random.js';
import { BANK, CLIENTS, NAME_SERVER, PLACES, PORTS } from './office.js';

export interface OfficeTraffic {
  /** How many connections worked, and how many did not, for whoever asks whether the pictures are of a gateway that works. */
  readonly counts: { made: number; failed: number };
  /** Opens again what a route took with it when it fell. */
  holdAgain(): Promise<void>;
  /** Nothing new begins, and the sockets of this process are closed. */
  stop(): void;
}

type Family = 'ipv4' | 'ipv6';
const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];
const PASS_MS = 2000;
/** Connections a second, as an office has them, and as an emulator in one process carries them beside a browser. */
const PER_SECOND: Readonly<Record<Family, number>> = { ipv4: 14, ipv6: 8 };
const NAME_EVERY_MS = 900;
const CALLS = 6;
const SAID_EVERY_MS = 400;

export async function startOfficeTraffic(lab: Lab): Promise<OfficeTraffic> {
  await startServers(lab);
  const names = await startNameServers(lab);
  const connectors = FAMILIES.map(() => lab.client().connector());
  const draw = random(subSeed(1, 7));
  const counts = { made: 0, failed: 0 };
  let isOver = false;
  /** One after the other until the end; what fails is what the gateway shows, and does not end the run. */
  const goOn = (everyMs: number, step: (at: number) => Promise<unknown>): void => {
    const run = async (): Promise<void> => {
      for (let at = 0; !isOver; at++) {
        step(at).catch(() => undefined);
        await sleep(everyMs);
      }
    };
    run().catch(() => undefined);
  };
  await Promise.all(asksOfEverybody(lab));
  FAMILIES.forEach((family, at) => {
    goOn(PASS_MS, (pass) => browse(connectors[at] as Connector, family, pass, draw, counts));
  });
  goOn(NAME_EVERY_MS, (at) => askName(lab, at));
  await startCalls(lab, goOn);
  const held = lab.client().connector();
  await hold(held);
  return {
    counts,
    holdAgain: async () => {
      await held.release('reset');
      await hold(held);
    },
    stop: () => {
      isOver = true;
      for (const server of names) server.close();
    },
  };
}

/** Bytes that a server of each port sends first. */
const PAGES = { [PORTS.web]: 42_000, [PORTS.plainWeb]: 9_000 } as const;

async function startServers(lab: Lab): Promise<void> {
  const server = lab.server();
  for (const [port, greeting] of Object.entries(PAGES))
    await server.echo({ ports: [Number(port)], greeting });
  await server.echo({ ports: [PORTS.mail, PORTS.backup, PORTS.shell] });
}

/** Both names of the bank lead to the bank, others to where they are. */
function startNameServers(lab: Lab): Promise<NameServer[]> {
  const { ipv4, ipv6 } = BANK.place;
  const zone = {
    [BANK.name]: [ipv4, ipv6],
    ...Object.fromEntries(PLACES.map((place) => [hostOf(place.name), [place.ipv4, place.ipv6]])),
  };
  const host = lab.server('names');
  return Promise.all(Object.values(NAME_SERVER).map((address) => NameServer.listen(host, address, zone)));
}

function hostOf(place: string): string {
  return `www.${place}.example`;
}

/** Every client learns the bank's addresses: by what names say a service may match. */
function asksOfEverybody(lab: Lab): Promise<unknown>[] {
  return lab.clients.flatMap((client) =>
    FAMILIES.map((family) =>
      ask(client, client[family], NAME_SERVER[family], BANK.name).catch(() => undefined),
    ),
  );
}

async function askName(lab: Lab, at: number): Promise<unknown> {
  const family = at % 3 === 2 ? 'ipv6' : 'ipv4';
  const client = lab.client(at % CLIENTS);
  const name = at % 5 === 0 ? BANK.name : hostOf(PLACES[at % PLACES.length]?.name ?? '');
  return ask(client, client[family], NAME_SERVER[family], name);
}

/** Two seconds of an office: more in some minutes than in others, and most of it to a few places. */
async function browse(
  connector: Connector,
  family: Family,
  pass: number,
  draw: Random,
  counts: OfficeTraffic['counts'],
): Promise<void> {
  const busy = 1 + 0.45 * Math.sin(pass / 6) + 0.3 * draw();
  const seconds = PASS_MS / 1000;
  const count = Math.max(1, Math.round(PER_SECOND[family] * seconds * busy));
  const sources = sourcesOf(family);
  const somewhere = (): string => PLACES[Math.floor(PLACES.length * draw() ** 1.5)]?.[family] ?? '';
  const pages = (share: number, port: keyof typeof PAGES) => ({
    targets: Array.from({ length: Math.ceil(share * count) }, () => ({ address: somewhere(), port })),
    greeting: PAGES[port],
    bytes: 600 + Math.floor(3000 * draw()),
  });
  const talk = (port: number, bytes: number) => ({ targets: [{ address: somewhere(), port }], bytes });
  const plans = [
    pages(0.8, PORTS.web),
    pages(0.2, PORTS.plainWeb),
    talk(PORTS.mail, 6_000),
    ...(pass % 4 === 0 ? [talk(PORTS.backup, 160_000), talk(PORTS.shell, 500)] : []),
  ];
  const results = await Promise.all(
    plans.map((plan) =>
      connector.run({
        ...plan,
        sources: plan.targets.map(() => sources[Math.floor(sources.length * draw())] as string),
        rate: plan.targets.length / seconds,
        timeoutMs: 9000,
      }),
    ),
  );
  for (const { ok } of results.flat()) counts[ok ? 'made' : 'failed']++;
}

/** Of all clients. */
function sourcesOf(family: Family): string[] {
  return Array.from({ length: CLIENTS }, (_, at) => clientAddress(at)[family]);
}

/** Mail programs and shells that stay connected. */
async function hold(connector: Connector): Promise<void> {
  for (const family of FAMILIES) {
    for (const port of [PORTS.mail, PORTS.shell, PORTS.backup]) {
      const targets = PLACES.map((place) => ({ address: place[family], port }));
      await connector.run({ targets, sources: sourcesOf(family), bytes: 200, hold: true, timeoutMs: 9000 });
    }
    const targets = PLACES.map((place) => ({ address: place[family], port: PORTS.web }));
    const greeting = PAGES[PORTS.web];
    await connector.run({ targets, sources: sourcesOf(family), greeting, hold: true, timeoutMs: 9000 });
  }
}

type GoOn = (everyMs: number, step: (at: number) => Promise<unknown>) => void;

/** Voices, each answered. */
async function startCalls(lab: Lab, goOn: GoOn): Promise<void> {
  const { calls: port } = PORTS;
  const addresses = PLACES.slice(0, 2).flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]);
  await lab
    .server()
    .child('children/datagrams')
    .ask('listen', { addresses, ports: [port] });
  const phones = lab.client().child('children/datagrams');
  for (let at = 0; at < CALLS; at++) {
    const family = at % 2 === 0 ? 'ipv4' : 'ipv6';
    const to = { address: PLACES[(at >> 1) % 2]?.[family], port, source: clientAddress(at)[family] };
    const { flow } = (await phones.ask('open', to)) as { flow: number };
    goOn(SAID_EVERY_MS, () => phones.ask('ask', { flow, timeoutMs: 1500 }));
  }
}
