/** `pathrace init` among real interfaces: what it writes is a gateway that races. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, startLab } from '../../lab/index.js';
import { loadConfig } from '../../src/config/load.js';
import { connectMs, NEAR, NEAR6, PATHRACE } from './support/gateway-lab.js';

const PORT = 7;
let lab: Lab;

beforeAll(async () => {
  lab = await startLab({
    providers: [
      { name: 'a', link: { delayMs: 30 } },
      { name: 'b', link: { delayMs: 5 } },
      { name: 'c', link: { delayMs: 15 }, families: ['ipv6'] },
    ],
    servers: [{ name: 'near' }],
  });
  await lab.server().echo({ ports: [PORT] });
  // What else a machine has: containers, a tunnel, a port of a bridge, a second LAN.
  await lab.gateway.must(['sh', '-ec', FURTHER]);
});

afterAll(async () => {
  await lab?.stop();
});

const FURTHER = `
ip link add docker0 type bridge; ip addr add 172.17.0.1/16 dev docker0; ip link set docker0 up
ip link add veth0 type veth peer name veth1; ip link set veth0 master docker0 up
ip tuntap add tun0 mode tun; ip addr add 10.9.0.2/24 dev tun0; ip link set tun0 up
ip link add lan0.20 type veth peer name far20; ip addr add 192.168.20.1/24 dev lan0.20; ip link set lan0.20 up
ip route add unreachable default metric 9000; ip -6 route add unreachable default metric 9000
`;

test('it names every interface with a default route, and the LANs', async () => {
  const { routes, lan, notes } = JSON.parse(await lab.gateway.must([PATHRACE, 'init', '--json'])) as {
    routes: { name: string; interface: string; found: string[] }[];
    lan: string[];
    notes: string[];
  };
  expect(routes.map((route) => [route.name, route.interface])).toEqual([
    ['wan1', 'wan1'],
    ['wan2', 'wan2'],
    ['wan3', 'wan3'],
  ]);
  expect(routes[0].found).toEqual(['IPv4 203.0.1.2 by 203.0.1.1', 'IPv6 fd03:1::2 by fd03:1::1']);
  expect(routes[2].found).toEqual(['IPv6 fd03:3::2 by fd03:3::1']);
  expect(lan).toEqual(['lan0', 'lan0.20']);
  expect(notes).toEqual([]);
});

test('the file that it writes runs a gateway, and the fastest provider of the race carries', async () => {
  const file = join(lab.directory, 'made.yaml');
  rmSync(file, { force: true });
  await lab.gateway.must([PATHRACE, 'init', '--yes', '--output', file]);
  expect(await lab.gateway.must([PATHRACE, 'check', file])).toContain('ok, 3 routes, 1 service');
  expect(loadConfig(file).rest.route).toBe('wan1');
  expect((await lab.gateway.run([PATHRACE, 'init', '--yes', '--output', file])).code).toBe(1);

  // The usual places of the control socket and the store are this machine's.
  const text = readFileSync(file, 'utf8');
  const moved = join(lab.directory, 'moved.yaml');
  writeFileSync(moved, `control: ${lab.controlSocket}\nmemory: { store: none }\n${text}`);
  const daemon = lab.gateway.spawn([PATHRACE, 'gateway', '--config', moved]);
  await daemon.waitForLine(/^ready/, 30_000);
  const targets = [NEAR, NEAR6].map((address) => ({ address, port: PORT }));
  const results = await lab.client().connect({ targets, count: 2, concurrency: 1, bytes: 1000 });
  expect(connectMs(results)).toHaveLength(2);
  const { of } = lab.wire;
  expect((await of('a')).out.kinds.syn).toBe(2);
  expect((await of('b')).out.kinds.syn).toBe(2);
  expect((await of('c')).out.kinds.syn).toBe(1);
  // Payload went by the fastest of them alone.
  const carried = await lab.wire.trace({ kind: ['data'], direction: 'out' });
  expect(carried.length).toBeGreaterThan(0);
  expect(new Set(carried.map(({ provider }) => provider))).toEqual(new Set(['b']));
  expect((await daemon.stop()).code).toBe(0);
});

test('on a terminal it asks, and Ctrl-C leaves nothing', async () => {
  const file = join(lab.directory, 'asked.yaml');
  rmSync(file, { force: true });
  const command = `${PATHRACE} init --output ${file}`;
  // `script` is a terminal with a person of whom all is known.
  const person = (keys: string): Promise<{ stdout: string }> =>
    lab.gateway.run([
      'sh',
      '-c',
      `(sleep 3; printf '${keys}'; sleep 3) | script -qec '${command}' /dev/null`,
    ]);
  const left = await person('\\r\\003');
  expect(left.stdout).toContain('Interfaces of the providers [wan1 wan2 wan3]');
  expect(left.stdout).toContain('Nothing was written');
  expect((await lab.gateway.run(['test', '-e', file])).code).toBe(1);
  const written = await person('wan1 wan2\\rlan0\\rfiber\\r\\r');
  expect(written.stdout).toContain('Wrote');
  expect(loadConfig(file)).toMatchObject({ lan: ['lan0'], routes: [{ name: 'fiber' }, { name: 'wan2' }] });
});
