/** What others say that is not so: names, path MTUs, SYNs and SYN+ACKs that nobody has asked for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { evenly } from '../../../lab/evenly.js';
import { clientAddress, type Lab, type WirePacket } from '../../../lab/index.js';
import { ask, NameServer } from '../../../lab/name-server.js';
import { ACK, MSS_1460, SYN, tcp, tooBig } from '../../../lab/packets.js';
import { macOf, providersNamespace, Tap } from '../../../lab/tap.js';
import { gateway, selecting } from '../subjects.js';
import {
  type ChoiceCase,
  connect,
  NAT,
  PORT,
  providers,
  RACED,
  REMEMBERED,
  type Remark,
  SERVERS,
  statusOf,
  targets,
  type World,
} from './case.js';

const [BANK, RESOLVER] = SERVERS as [string, string];
const NEXT_HOP = '203.0.1.1';
const OWN = '203.0.1.2';
const FLOOD = { count: 180_000, milliseconds: 3000 };
const FULL_MSS = 1460;

export const FORGED: readonly ChoiceCase[] = [
  {
    name: 'a host asks its own name server for a name of another’s bank',
    scenario: providers({ a: 5, b: 15 }, { lan: { clients: 2, machines: 2 } }),
    subjects: [
      NAT,
      gateway('bank.example by b, the rest by a', {
        ...selecting('a'),
        services: [{ name: 'bank', match: { tcp: PORT, domain: 'bank.example' }, select: 'b' }],
        rest: { route: 'a' },
      }),
    ],
    async run({ lab }) {
      const zone = { 'x.bank.example': [BANK] };
      const server = await NameServer.listen(lab.server(), RESOLVER, zone);
      await ask(lab.client(0), clientAddress(0).ipv4, RESOLVER, 'x.bank.example');
      server.close();
      await sleep(300);
      const victim = { sources: [clientAddress(1).ipv4], count: 8, bytes: 100, timeoutMs: 16_000 };
      return { results: await lab.client(1).connect({ targets: targets([BANK]), ...victim }) };
    },
    wanted: 'a',
    elsewhereAtMost: 0,
  },
  {
    name: 'one ICMP “too big”, MTU 552, about a SYN of 44 bytes',
    scenario: providers({ a: 5, b: 15 }),
    subjects: [NAT, RACED],
    async before({ lab }) {
      // A client behind plain NAT hears of it, and believes it for ten minutes.
      await lab.client().must(['ip', 'route', 'flush', 'cache']);
      for (const name of ['a', 'b']) await lab.link(name).set({ blackhole: true });
      const provider = await atProvider(lab);
      await lab.wire.reset();
      const pending = connect(lab, { targets: targets([BANK]), timeoutMs: 1500 });
      const copy = await firstSyn(lab);
      provider.send(
        tooBig(tcp({ ...endsOf(copy), flags: SYN, seq: copy.seq, options: MSS_1460 }), NEXT_HOP, 552),
      );
      await pending;
      provider.close();
      for (const name of ['a', 'b']) await lab.link(name).set({ blackhole: false });
    },
    async run({ lab }) {
      await lab.wire.reset();
      const results = await connect(lab, { targets: targets([BANK]), count: 8, concurrency: 2 });
      const syns = await lab.wire.trace({ kind: 'syn', direction: 'out', provider: 'a' });
      const sizes = [...new Set(syns.map(({ mss }) => mss ?? 0))];
      const isFull = sizes.length > 0 && sizes.every((mss) => mss === FULL_MSS);
      return { results, remarks: [{ text: `MSS ${sizes.join(', ') || '-'}`, asWanted: isFull }] };
    },
    wanted: null,
    elsewhereAtMost: 0,
  },
  {
    name: 'a forged SYN of the server by the slower provider, before either has answered',
    scenario: providers({ a: 200, b: 150 }),
    subjects: [REMEMBERED],
    async before({ lab }) {
      const provider = await atProvider(lab);
      await lab.wire.reset();
      const pending = connect(lab, { targets: targets([BANK]), timeoutMs: 4000 });
      const copy = await firstSyn(lab);
      const { source, destination, sourcePort, destinationPort } = endsOf(copy);
      provider.send(
        tcp({
          ...{ source: destination, destination: source },
          ...{ sourcePort: destinationPort, destinationPort: sourcePort },
          ...{ flags: SYN, seq: 90_000, options: MSS_1460 },
        }),
      );
      // That one may be lost: what it teaches is looked at.
      await pending;
      provider.close();
      await sleep(300);
    },
    run: async ({ lab }) => ({
      results: await connect(lab, { targets: targets([BANK]), count: 8, concurrency: 1 }),
    }),
    wanted: 'b',
    elsewhereAtMost: 0,
  },
  {
    name: 'SYN+ACKs to race ports that nobody has asked for, as fast as the lab can, another host connects',
    scenario: providers({ a: 5, b: 5 }),
    subjects: [NAT, RACED],
    async run(world) {
      const { lab } = world;
      const provider = await atProvider(lab);
      const pausesBefore = await pauses(world);
      const load = connect(lab, { targets: targets([BANK]), count: 60, rate: 20 });
      const took = await evenly(FLOOD.count, FLOOD.milliseconds, (n) => provider.send(stray(n)));
      const results = await load;
      provider.close();
      const rate = { text: `${(FLOOD.count / took).toFixed(0)} 000/s`, asWanted: true };
      return { results, remarks: [rate, ...pausesRemark(pausesBefore, await pauses(world))] };
    },
    wanted: null,
    elsewhereAtMost: 0,
    slowestAtMost: 1000,
  },
];

/** The first provider's end of its line to the gateway. */
async function atProvider(lab: Lab): Promise<Tap> {
  const to = await macOf(lab.gateway, 'wan1');
  return new Tap(providersNamespace(lab.gateway), 'p1', { to, keep: () => false });
}

/** The copy that leaves by the first provider, as soon as it has. */
async function firstSyn({ wire }: Lab): Promise<WirePacket> {
  for (let tries = 0; tries < 1000; tries++) {
    const [syn] = await wire.trace({ kind: 'syn', direction: 'out', provider: 'a', address: BANK });
    if (syn !== undefined) return syn;
    await sleep(2);
  }
  throw new Error('no SYN has left by the first provider');
}

type Ends = Pick<WirePacket, 'source' | 'sourcePort' | 'destination' | 'destinationPort'>;

function endsOf({ source, sourcePort, destination, destinationPort }: Ends): Ends {
  return { source, sourcePort, destination, destinationPort };
}

/** Half of them from where connections go, to a port that no race has at the moment, as far as chance goes. */
function stray(n: number): Buffer {
  return tcp({
    source: n % 2 === 0 ? BANK : `198.18.${(n >> 8) & 255}.${n & 255}`,
    destination: OWN,
    ...{ sourcePort: PORT, destinationPort: 8192 + ((n * 7919) % 24_000) },
    ...{ flags: SYN | ACK, seq: n, ack: n * 31, options: MSS_1460 },
  });
}

/** How often the gateway has stepped aside. */
async function pauses({ lab, ours }: World): Promise<number | null> {
  return ours ? Number((await statusOf(lab)).packets.queue['overload-pauses']) : null;
}

function pausesRemark(before: number | null, after: number | null): Remark[] {
  if (before === null || after === null) return [];
  return [{ text: `overload pauses: ${after - before}`, asWanted: after === before }];
}
