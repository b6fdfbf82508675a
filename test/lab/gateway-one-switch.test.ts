/** Two uplinks on one switch and in one subnet: the router beyond it learns each address where it is, as it does not from a plain kernel. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectMs, GatewayLab, NEAR } from './support/gateway-lab.js';

const PORT = 7;
const OURS = { wan1: '203.0.1.2', wan2: '203.0.1.3' } as const;

let made: GatewayLab;

beforeAll(async () => {
  made = await GatewayLab.start(
    { plain: true, providers: [{ name: 'a' }, { name: 'b' }] },
    { topologyChanges: true },
  );
  const { lab } = made;
  await made.stopDaemon();
  const server = lab.server();
  await server.must([
    'sh',
    '-ec',
    `ip link add switch type bridge; ip addr flush dev p1; ip addr flush dev p2
     ip link set p1 master switch; ip link set p2 master switch
     ip addr add 203.0.1.1/24 dev switch; ip link set switch up`,
  ]);
  await lab.gateway.must([
    'sh',
    '-ec',
    `ip addr flush dev wan2; ip addr add ${OURS.wan2}/24 dev wan2
     ip route replace default via 203.0.1.1 dev wan2 metric 102`,
  ]);
  await server.echo({ ports: [PORT] });
});

afterAll(async () => {
  await made?.stop();
});

/** For each address of the gateway the interface whose hardware address the router has learnt for it. */
async function learnt(): Promise<Record<string, string>> {
  const { lab } = made;
  const found: Record<string, string> = {};
  const macs = new Map<string, string>();
  for (const name of ['wan1', 'wan2'])
    macs.set((await lab.gateway.must(['cat', `/sys/class/net/${name}/address`])).trim(), name);
  for (const [name, address] of Object.entries(OURS)) {
    await lab.server().run(['ip', 'neigh', 'flush', 'dev', 'switch']);
    await lab.server().run(['ping', '-c', '1', '-W', '1', address]);
    const shown = await lab.server().must(['ip', 'neigh', 'show', address, 'dev', 'switch']);
    found[name] = macs.get(/lladdr (\S+)/.exec(shown)?.[1] ?? '') ?? 'nobody';
  }
  return found;
}

test('a plain kernel answers by whichever interface is first', async () => {
  expect(await learnt()).not.toEqual({ wan1: 'wan1', wan2: 'wan2' });
});

test('with the gateway each address is learnt at its own interface, and both routes carry connections', async () => {
  await made.startDaemon({ routes: { b: { gateway: ['203.0.1.1'], addresses: [OURS.wan2] } } });
  for (let i = 0; i < 5; i++) expect(await learnt()).toEqual({ wan1: 'wan1', wan2: 'wan2' });
  expect((await made.status()).routes.map(({ state }) => state)).toEqual(['up', 'up']);
  connectMs(
    await made.lab.client().connect({ targets: [{ address: NEAR, port: PORT }], count: 20, bytes: 10_000 }),
  );
  const { routes } = await made.status();
  expect(routes.map(({ wins, losses }) => wins + losses)).toEqual([20, 20]);
});
