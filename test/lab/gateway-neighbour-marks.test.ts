/**
 * Beside other programs' marks: whatever they set, save and restore, every connection of the LAN leaves with an address of the provider
 * that it leaves by, and lives; beside plain kernel NAT and beside a gateway with ten services, in both families.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, plainNat, startLab } from '../../lab/index.js';
import { connectMs, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';
import { CALICO, NEIGHBOURS, type Neighbour, script } from './support/neighbours.js';
import { routeOf } from './support/taken.js';

const SCENARIO = {
  providers: [
    // The main table’s default is by this one: what is lost to it is not where it would be anyway.
    { name: 'a', link: { delayMs: 12 } },
    { name: 'b', link: { delayMs: 4 } },
    { name: 'c', link: { delayMs: 8 } },
  ],
};
const PORTS = Array.from({ length: 10 }, (_, i) => 7001 + i);
const SELECT = ['round-robin', 'race', 'least-connections'];
/** A service for each port; by turns, raced (among them the eighth), and chosen by the daemon without copies. */
const SERVICES = PORTS.map((port, i) => ({
  name: `s${port}`,
  match: { tcp: port, udp: port },
  select: SELECT[i % SELECT.length],
  affinity: i % SELECT.length === 0 ? 'none' : 'client+destination',
}));
const CONFIG = { services: SERVICES, memory: { trust: '10m' } };

interface Beside {
  readonly lab: Lab;
  readonly gateway: GatewayLab | null;
  stop(): Promise<void>;
}

async function besidePlainNat(): Promise<Beside> {
  const lab = await startLab(SCENARIO);
  await plainNat(lab, 'a');
  return { lab, gateway: null, stop: () => lab.stop() };
}

async function besideGateway(config: object = CONFIG): Promise<Beside> {
  const gateway = await GatewayLab.start(SCENARIO, { config: { ...config } });
  return { lab: gateway.lab, gateway, stop: () => gateway.stop() };
}

async function withNeighbour(lab: Lab, { up, down }: Neighbour, action: () => Promise<void>): Promise<void> {
  const run = (text: string) => lab.gateway.run(['sh'], { input: script(text) });
  const started = await run(up);
  expect([started.code, started.stderr]).toEqual([0, '']);
  try {
    await action();
  } finally {
    await run(down);
    // What iptables has made is no rule any more, and still a table.
    await lab.gateway.run(['sh'], {
      input:
        'for t in mangle nat filter; do nft delete table ip $t; nft delete table ip6 $t; done 2>/dev/null',
    });
  }
}

/** A sign of life on each of several flows: null for an answer that did not come, else where it was seen to come from. */
async function datagrams(lab: Lab, times: number): Promise<(string | null)[]> {
  const child = lab.client().child('children/datagrams');
  const seen: (string | null)[] = [];
  for (const address of [NEAR, NEAR6]) {
    for (const port of PORTS) {
      const { flow } = await child.ask<{ flow: number }>('open', { address, port });
      const froms = new Set<string | null>();
      for (let i = 0; i < times; i++) {
        const { from } = await child.ask<{ from: { address: string; port: number } | null }>('ask', {
          flow,
          timeoutMs: 1500,
        });
        froms.add(from === null ? null : `${from.address} ${from.port}`);
      }
      // One flow is one flow: its address and port do not change.
      seen.push(froms.size === 1 ? [...froms][0] : null);
    }
  }
  await child.stop();
  return seen;
}

/** What left by a provider with an address that is not the provider's. */
async function foreign(lab: Lab): Promise<string[]> {
  const out = await lab.wire.trace({ direction: 'out' });
  return out
    .filter(({ protocol }) => protocol === 'tcp' || protocol === 'udp')
    .filter(({ provider, source }) => routeOf(lab, source) !== provider)
    .map(({ provider, kind, source }) => `${kind} from ${source} by ${provider}`);
}

/** Connections and flows of every service, new and remembered ones, while others are held; nothing leaks and nothing ends. */
async function live(lab: Lab): Promise<void> {
  await lab.wire.reset();
  const holder = lab.client().connector();
  const targets = [NEAR, NEAR6].flatMap((address) => PORTS.map((port) => ({ address, port })));
  connectMs(await holder.run({ targets, bytes: 1000, hold: true, timeoutMs: 3000 }));
  for (let round = 0; round < 2; round++)
    connectMs(await lab.client().connect({ targets, count: 40, bytes: 2000, timeoutMs: 3000 }));
  expect((await datagrams(lab, 3)).filter((from) => from === null)).toEqual([]);
  // A transfer of many packets on each of some.
  connectMs(
    await lab
      .client()
      .connect({ targets: targets.slice(0, 3), count: 6, bytes: 1_000_000, timeoutMs: 15_000 }),
  );
  expect(await holder.check(5000)).toMatchObject({ ok: targets.length, held: targets.length });
  await holder.stop();
  expect(await foreign(lab)).toEqual([]);
}

/** Who was asked: providers with a copy of the first SYN, by port. */
async function copies(lab: Lab, port: number): Promise<string[]> {
  const syns = await lab.wire.trace({ kind: ['syn'], direction: 'out' });
  const to = syns.filter(({ destinationPort }) => destinationPort === port);
  return [...new Set(to.map(({ provider }) => provider))].sort();
}

async function serve(lab: Lab): Promise<void> {
  await lab.server().echo({ ports: PORTS });
  await lab
    .server()
    .child('children/datagrams')
    .ask('listen', {
      addresses: [NEAR, NEAR6],
      ports: PORTS,
    });
}

describe.each([
  ['plain NAT', besidePlainNat],
  ['a gateway', () => besideGateway()],
] as const)('beside %s', (_, start) => {
  let beside: Beside;

  beforeAll(async () => {
    beside = await start();
    await serve(beside.lab);
  });

  afterAll(async () => {
    await beside?.stop();
  });

  test.each(NEIGHBOURS.map((one) => [one.name, one] as const))('%s', async (name, neighbour) => {
    const { lab, gateway } = beside;
    await withNeighbour(lab, neighbour, async () => {
      // What was remembered beside the one before has been measured without this one.
      if (gateway !== null) await gateway.restart(CONFIG);
      await live(lab);
      if (gateway === null) return;
      expect([name, await copies(lab, PORTS[0])]).toEqual([name, ['a', 'b', 'c']]);
      expect([name, await copies(lab, PORTS[1])]).toEqual([name, ['a', 'b', 'c']]);
    });
  });
});

describe('a gateway with a mask of its own', () => {
  test.each([
    ['Calico', CALICO, { mark: '0x3fff' }],
    ['mwan3', NEIGHBOURS.find(({ name }) => name === 'mwan3')!, { mark: '0xffff0000' }],
  ])('lives beside %s', async (_, neighbour, kernel) => {
    const beside = await besideGateway({ ...CONFIG, kernel });
    try {
      await serve(beside.lab);
      await withNeighbour(beside.lab, neighbour, () => live(beside.lab));
      expect(await copies(beside.lab, PORTS[1])).toEqual(['a', 'b', 'c']);
    } finally {
      await beside.stop();
    }
  });
});
