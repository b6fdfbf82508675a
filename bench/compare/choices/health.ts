/** Health that does not lie: a check's target that dies, a filter, a captive portal. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { WebPage } from '../../../lab/children/web.js';
import type { ConfigOverrides, Connector } from '../../../lab/index.js';
import { gateway, MONITORS } from '../subjects.js';
import {
  byClient,
  type ChoiceCase,
  choosing,
  connect,
  MAIL,
  NAT,
  ORDER,
  PORT,
  PRIORITY,
  providers,
  RACED,
  type Remark,
  SERVERS,
  stateOf,
  stateRemark,
  targets,
  type World,
} from './case.js';

const SMTP = 25;
const DELAYS = { a: 5, b: 15 };
const PACE = { interval: '1s', timeout: '500ms', fail: 3, recover: 3 };
/** Three rounds without an answer, the question to the route itself, and some. */
const NOTICED_MS = 12_000;
const [MONITOR] = MONITORS as [string];

const checked = (target: string): ConfigOverrides => {
  const check = { ...PACE, targets: [target] };
  return { routes: { a: { check }, b: { check } } };
};

export const HEALTH: readonly ChoiceCase[] = [
  {
    ...monitorDies('by no provider any more', ['a', 'b']),
    // Says nothing of any of them.
    wanted: 'a',
  },
  monitorDies('by one provider', ['a']),
  {
    name: 'six servers that one provider does not let through',
    scenario: providers(DELAYS),
    subjects: [PRIORITY, RACED],
    held: { count: 8 },
    before: async ({ lab }) => {
      await lab.link('a').set({ reject: filtered() });
      await connect(lab, { targets: targets(MAIL), count: 60, rate: 6 });
    },
    run: async ({ lab }) => ({ results: await connect(lab, { count: 16 }) }),
    wanted: 'a',
    elsewhereAtMost: 1,
  },
  {
    name: 'mail to six servers, port 25 filtered by one provider, a download by it all the time',
    scenario: providers(DELAYS),
    subjects: [NAT, PRIORITY],
    ports: [PORT, SMTP],
    held: { count: 1, bytes: 50_000 },
    before: async ({ lab }) => {
      await lab.link('a').set({ reject: filtered() });
      // Plain NAT delivers none of it.
      await connect(lab, { targets: targets(MAIL, SMTP), count: 120, rate: 6, timeoutMs: 4000 });
    },
    run: async (world) => ({
      results: await connect(world.lab, { count: 16 }),
      remarks: await stateRemark(world, 'a', (state) => state !== 'down'),
    }),
    wanted: 'a',
    elsewhereAtMost: 1,
  },
  {
    name: 'a captive portal at one provider, clients that were there before',
    scenario: providers(DELAYS),
    subjects: [
      NAT,
      gateway('race, by client', byClient('race', checked(`http://${MONITOR}/ expect 204`))),
      gateway('priority, by client', byClient(ORDER, checked(`http://${MONITOR}/ expect 204`))),
    ],
    async run({ lab, forget }) {
      const server = lab.server();
      const pages = [server.child('children/web'), server.child('children/web')];
      await pages[0]!.ask('listen', { port: 80, status: 204 } satisfies WebPage);
      await pages[1]!.ask('listen', PORTAL satisfies WebPage);
      await sleep(3000);
      const clients = lab.client().connector();
      await clients.run({ targets: targets(), count: 8, bytes: 100 });
      await server.must(['nft', '-f', '-'], { input: INTERCEPTION });
      try {
        await meanwhile(clients, NOTICED_MS);
        await forget();
        return { results: await connect(lab, { count: 16, timeoutMs: 3000 }) };
      } finally {
        await server.must(['nft', 'delete', 'table', 'ip', 'portal']);
        for (const page of pages) await page.stop();
        await clients.stop();
      }
    },
    wanted: 'b',
    elsewhereAtMost: 0,
  },
  {
    name: 'packets above 1400 bytes vanish by one provider, without a word',
    scenario: providers(DELAYS),
    subjects: [NAT, PRIORITY, RACED],
    before: async ({ lab }) => {
      await lab.link('a').set({ pathMtu: PATH, pathMtuSilent: true });
      // Nobody waits for the end of these; it takes several that hang, to hosts of two networks.
      for (let round = 0; round < 4; round++) await connect(lab, { ...LARGE, count: 12, timeoutMs: 5000 });
    },
    run: async (world) => ({
      results: await connect(world.lab, { ...LARGE, count: 16, timeoutMs: 8000 }),
      remarks: await pathRemark(world),
    }),
    wanted: 'a',
    elsewhereAtMost: 0,
  },
];

const PATH = 1400;
/** Both ways. */
const LARGE = { targets: targets([SERVERS[0]!, MAIL[0]!]), bytes: 50_000 };

async function pathRemark({ lab, ours }: World): Promise<Remark[]> {
  if (!ours) return [];
  const { pathMtu } = await stateOf(lab, 'a');
  return [
    {
      text: `a: ${pathMtu?.ipv4 === undefined ? 'no path MTU is known' : `${pathMtu.ipv4} bytes pass`}`,
      asWanted: pathMtu?.ipv4 === PATH,
    },
  ];
}

const PORTAL = { port: 8080, status: 302, location: 'http://192.0.2.200/login' };
/** Whatever comes by the first provider is answered by its portal. */
const INTERCEPTION = `table ip portal {
  chain intercept { type nat hook prerouting priority dstnat; ip saddr 203.0.1.0/24 meta l4proto tcp redirect to :${PORTAL.port}; }
}`;

/** Nobody hears of the address any more that the routes are checked by. */
function monitorDies(how: string, dead: readonly string[]): ChoiceCase {
  return {
    name: `the host that checks ask answers ${how}`,
    scenario: providers(DELAYS),
    subjects: [NAT, gateway('priority', choosing(ORDER, checked(`tcp ${MONITOR}:${PORT}`)))],
    held: { count: 8, bytes: 1 },
    async before({ lab }) {
      await sleep(3000);
      for (const name of dead) await lab.link(name).set({ reject: { [MONITOR]: 'silent' } });
      await sleep(NOTICED_MS);
    },
    run: async (world) => ({
      results: await connect(world.lab, { count: 16 }),
      remarks: await stateRemark(world, 'a', (state) => state !== 'down'),
    }),
    wanted: null,
    elsewhereAtMost: 0,
  };
}

function filtered(): Record<string, 'silent'> {
  return Object.fromEntries(MAIL.map((address) => [address, 'silent']));
}

/** Connections as clients make them, twice a second, whatever becomes of them. */
async function meanwhile(clients: Connector, forMs: number): Promise<void> {
  const until = performance.now() + forMs;
  while (performance.now() < until) {
    await clients.run({ targets: targets([SERVERS[0]!, SERVERS[1]!]), bytes: 100, timeoutMs: 1000 });
    await sleep(500);
  }
}
