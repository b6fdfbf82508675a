/** Two routers advertise themselves on one provider's segment: the one that says it is preferred is the next hop, while it does. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setTransportChecksum } from '../../lab/emulator/checksum.js';
import { addressBytes, Packet } from '../../lab/emulator/packet.js';
import { macOf, Tap } from '../../lab/tap.js';
import { connectMs, eventually, GatewayLab, NEAR6 } from './support/gateway-lab.js';

const PORT = 7;
const ROUTERS = ['fe80::aa', 'fe80::bb', 'fe80::cc'] as const;
const ICMPV6 = 58;
const ADVERTISEMENT = 134;
/** RFC 4191 section 2.1, at its place in the flags. */
const PREFERENCE = { high: 0b01 << 3, medium: 0, low: 0b11 << 3 } as const;

let made: GatewayLab;
let wire: Tap;

beforeAll(async () => {
  made = await GatewayLab.start(
    { plain: true, providers: [{ name: 'a' }, { name: 'b' }] },
    { config: { routes: { a: { gateway: 'auto' } } }, topologyChanges: true },
  );
  const server = made.lab.server();
  await server.echo({ ports: [PORT] });
  // No default route but what routers advertise; the provider's side has all their addresses.
  await made.lab.gateway.must(['sh', '-c', 'while ip -6 route del default dev wan1 2>/dev/null; do :; done']);
  // Who is asked for its Ethernet address and is no router is taken for none (RFC 4861 section 7.2.5).
  await server.must(['sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1', 'net.ipv6.conf.p1.forwarding=1']);
  for (const router of ROUTERS)
    await server.must(['ip', 'addr', 'add', `${router}/64`, 'dev', 'p1', 'nodad']);
  wire = new Tap(server, 'p1', { to: await macOf(made.lab.gateway, 'wan1'), keep: () => false });
});

afterAll(async () => {
  wire?.close();
  await made?.stop();
});

/** RFC 4861 section 4.2; a life of 0 says that it is no default router any more. */
function advertise(router: string, preference: keyof typeof PREFERENCE, lifeSeconds = 1800): void {
  const bytes = Buffer.alloc(56);
  bytes[0] = 0x60;
  bytes.writeUInt16BE(16, 4);
  bytes[6] = ICMPV6;
  bytes[7] = 255;
  addressBytes(router).copy(bytes, 8);
  addressBytes('ff02::1').copy(bytes, 24);
  bytes[40] = ADVERTISEMENT;
  bytes[44] = 64;
  bytes[45] = PREFERENCE[preference];
  bytes.writeUInt16BE(lifeSeconds, 46);
  const packet = new Packet();
  packet.read(bytes, 0, bytes.length);
  setTransportChecksum(packet);
  wire.send(bytes);
}

/** The next hop in the route's own table, once it is this one. */
async function nextHop(wanted: string): Promise<string> {
  const read = async (): Promise<string> => {
    const table = await made.lab.gateway.must(['ip', '-6', 'route', 'show', 'table', '20501']);
    return /default via (\S+)/.exec(table)?.[1] ?? '';
  };
  return eventually(read, (found) => found === wanted, 3000);
}

test('the preferred router is taken whatever the order, the next one when it goes', async () => {
  const [low, high, medium] = ROUTERS;
  advertise(low, 'low');
  expect(await nextHop(low)).toBe(low);
  advertise(high, 'high');
  expect(await nextHop(high)).toBe(high);
  advertise(medium, 'medium');
  advertise(low, 'low');
  connectMs(
    await made.lab.client().connect({ targets: [{ address: NEAR6, port: PORT }], count: 6, bytes: 9000 }),
  );
  expect(await nextHop(high)).toBe(high);
  expect((await made.status()).routes[0]?.gateways).toContain(high);
  advertise(high, 'high', 0);
  expect(await nextHop(medium)).toBe(medium);
  advertise(medium, 'medium', 0);
  expect(await nextHop(low)).toBe(low);
  // It changes its mind.
  advertise(medium, 'medium');
  expect(await nextHop(medium)).toBe(medium);
  advertise(low, 'high');
  expect(await nextHop(low)).toBe(low);
  connectMs(
    await made.lab.client().connect({ targets: [{ address: NEAR6, port: PORT }], count: 6, bytes: 9000 }),
  );
});

test('a route of the operator’s with a better metric comes before any router', async () => {
  const { gateway } = made.lab;
  await gateway.must([...'ip -6 route add default via fe80::cc dev wan1 metric 50'.split(' ')]);
  expect(await nextHop('fe80::cc')).toBe('fe80::cc');
  advertise('fe80::aa', 'low');
  advertise('fe80::bb', 'high');
  expect(await nextHop('fe80::cc')).toBe('fe80::cc');
  await gateway.must([...'ip -6 route del default via fe80::cc dev wan1 metric 50'.split(' ')]);
  expect(await nextHop('fe80::bb')).toBe('fe80::bb');
});
