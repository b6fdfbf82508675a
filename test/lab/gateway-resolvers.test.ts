/** Name servers of routes: each question asks every route's own, and the client hears the first of them as if from the one that it has asked. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { WirePacket } from '../../lab/index.js';
import { NameServer } from '../../lab/name-server.js';
import { eventually, FAR, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';

const NAME = 'www.example.test';
/** Of the routes a and b; c has none, and asks the one that the client asks. */
const OWN = { a: '198.51.100.53', b: '198.51.100.54', b6: '2001:db8:100::54' } as const;
const SAYS = { a: '192.0.2.1', b: '192.0.2.2', asked: '192.0.2.3' } as const;
const SCENARIO = {
  providers: [
    { name: 'a', link: { delayMs: 40 } },
    { name: 'b', link: { delayMs: 10 } },
    { name: 'c', link: { delayMs: 80 } },
  ],
  servers: [{ name: 'names', ipv4: [NEAR, FAR, OWN.a, OWN.b], ipv6: [NEAR6, OWN.b6] }],
};
const REFUSED = 5;

let made: GatewayLab;
let servers: NameServer[] = [];

beforeAll(async () => {
  const resolvers = { a: OWN.a, b: [OWN.b, OWN.b6] };
  const services = [{ name: 'all', match: 'any', select: 'race', affinity: 'none', resolvers }];
  made = await GatewayLab.start(SCENARIO, { config: { services, memory: { refresh: 0 } } as never });
});

afterAll(async () => {
  for (const server of servers) server.close();
  await made?.stop();
});

beforeEach(async () => {
  await made.lab.wire.reset();
});

/** Each name server says something else; `error`: what that of b answers instead. */
async function listen(error: Partial<Record<'a' | 'b' | 'asked', number>> = {}): Promise<void> {
  for (const server of servers) server.close();
  const host = made.lab.server();
  servers = await Promise.all([
    NameServer.listen(host, OWN.a, { [NAME]: [SAYS.a] }, () => error.a ?? 0),
    NameServer.listen(host, OWN.b, { [NAME]: [SAYS.b] }, () => error.b ?? 0),
    NameServer.listen(host, OWN.b6, { [NAME]: [SAYS.b] }),
    ...[NEAR, FAR, NEAR6].map((address) =>
      NameServer.listen(host, address, { [NAME]: [SAYS.asked] }, () => error.asked ?? 0),
    ),
  ]);
}

/** What dig has heard, which believes only who it has asked. */
async function dig(
  server: string,
  args: readonly string[] = [],
): Promise<{ status: string; says: string[] }> {
  const { stdout } = await made.lab
    .client()
    .run(['dig', `@${server}`, NAME, 'A', '+tries=1', '+time=2', ...args]);
  return {
    status: /status: (\w+)/.exec(stdout)?.[1] ?? stdout,
    says: [...stdout.matchAll(/^www.*\sA\s+(\S+)$/gm)].map(([, address]) => address ?? ''),
  };
}

async function asked(count = 3): Promise<string[]> {
  const out = (): Promise<WirePacket[]> => made.lab.wire.trace({ kind: 'udp', direction: 'out' });
  const found = await eventually(out, (packets) => packets.length >= count, 1500);
  return found.map(({ provider, destination }) => `${provider} ${destination}`).sort();
}

describe('a question', () => {
  test('asks each route’s own, and the first answer comes from who was asked', async () => {
    await listen();
    expect(await dig(NEAR)).toEqual({ status: 'NOERROR', says: [SAYS.b] });
    expect(await asked()).toEqual([`a ${OWN.a}`, `b ${OWN.b}`, `c ${NEAR}`]);
    expect(await made.lab.wire.trace({ kind: 'icmp-error' })).toEqual([]);
  });

  test('by IPv6, where one has such', async () => {
    await listen();
    expect(await dig(NEAR6)).toEqual({ status: 'NOERROR', says: [SAYS.b] });
    expect(await asked()).toEqual([`a ${NEAR6}`, `b ${OWN.b6}`, `c ${NEAR6}`]);
  });

  test('what is remembered is asked of the best route’s own alone', async () => {
    await listen();
    for (let i = 0; i < 3; i++) await dig(FAR);
    await new Promise((resolve) => setTimeout(resolve, 2300));
    await dig(FAR);
    await made.lab.wire.reset();
    expect(await dig(FAR)).toEqual({ status: 'NOERROR', says: [SAYS.b] });
    expect(await asked(1)).toEqual([`b ${OWN.b}`]);
  });

  test('an error of one waits for the others', async () => {
    await listen({ b: REFUSED });
    expect(await dig(NEAR)).toEqual({ status: 'NOERROR', says: [SAYS.a] });
  });

  test('when all refuse, the client hears it of who it has asked', async () => {
    await listen({ a: REFUSED, b: REFUSED, asked: REFUSED });
    expect(await dig(NEAR)).toEqual({ status: 'REFUSED', says: [] });
  });

  test('a resolver that is silent costs nothing', async () => {
    await listen();
    await made.lab.link('b').set({ blackhole: true });
    const found = await dig(NEAR);
    await made.lab.link('b').set({ blackhole: false });
    expect(found).toEqual({ status: 'NOERROR', says: [SAYS.a] });
  });

  test('from one port to two servers at one time: each is answered by its own', async () => {
    await listen();
    const port = ['-b', `${made.lab.client().ipv4}#20053`];
    const found = await Promise.all([dig(NEAR, port), dig(FAR, port)]);
    expect(found.map(({ status }) => status)).toEqual(['NOERROR', 'NOERROR']);
  });

  test('UPDATE goes to who was asked', async () => {
    await listen();
    await made.lab.client().run(['nsupdate', '-t', '1', '-r', '0', '-u', '1'], {
      input: `server ${NEAR}\nzone example.test\nupdate add x.example.test 60 A 192.0.2.1\nsend\n`,
    } as never);
    const out = await made.lab.wire.trace({ kind: 'udp', direction: 'out' });
    const updates = out.filter(({ destination }) => destination === NEAR);
    expect(updates.length).toBeGreaterThan(0);
  });

  test('while only one route is left, that one’s own', async () => {
    await listen();
    await made.command('disable', 'a');
    await made.command('disable', 'c');
    expect(await dig(NEAR)).toEqual({ status: 'NOERROR', says: [SAYS.b] });
    expect(await asked(1)).toEqual([`b ${OWN.b}`]);
    await made.command('enable', 'a');
    await made.command('enable', 'c');
  });
});
