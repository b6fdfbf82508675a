/**
 * The rulesets of docs/guide/beside-other-software.md, loaded as they stand there: what they say about connections is so beside plain kernel
 * NAT and beside the gateway.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Annex, annex } from '../../lab/annex.js';
import {
  ask,
  GROUND,
  INSIDE,
  NAMES,
  NEAR,
  NEAR6,
  OTHER,
  openGround,
  outside,
  type Probe,
  TIME,
  tcp,
  udp,
  WEB,
} from '../../lab/beside/index.js';
import { plainMasquerade } from '../../lab/index.js';
import { GatewayLab } from './support/gateway-lab.js';
import { WAYS } from './support/subjects.js';

const PAGE = readFileSync(new URL('../../docs/guide/beside-other-software.md', import.meta.url), 'utf8');
const MAIL = 25;

const PROBES: Readonly<Record<string, readonly Probe[]>> = {
  home: [
    tcp('the web', { address: NEAR, port: WEB }),
    tcp('the web, over IPv6', { address: NEAR6, port: WEB }),
    udp('names', { address: NEAR, port: NAMES }),
    tcp('the port forward', { address: '203.0.1.2', port: 8443, from: outside, reached: [] }),
    tcp('another port, from outside', { address: '203.0.1.2', port: WEB, from: outside, word: 'TIMEOUT' }),
  ],
  office: [
    tcp('staff: any port', { address: NEAR, port: OTHER }),
    tcp('staff: any port, over IPv6', { address: NEAR6, port: OTHER }),
    tcp('staff: mail', { address: NEAR, port: MAIL, word: 'ECONNREFUSED' }),
    tcp('staff: the server', { address: '10.8.0.2', port: WEB, reached: [] }),
    tcp('a guest: the web', { address: NEAR, port: WEB, from: (_, { guest }) => guest! }),
    tcp('a guest: another port', {
      address: NEAR,
      port: 8081,
      from: (_, { guest }) => guest!,
      word: 'TIMEOUT',
    }),
    tcp('a guest: staff', {
      address: '10.0.0.2',
      port: INSIDE,
      from: (_, { guest }) => guest!,
      word: 'TIMEOUT',
    }),
    udp('a guest: time', { address: NEAR, port: TIME, from: (_, { guest }) => guest! }),
    tcp('a guest: names, wherever it asks', {
      address: NEAR,
      port: NAMES,
      from: (_, { guest }) => guest!,
      reached: [],
    }),
    tcp('the server: mail', { address: NEAR, port: MAIL, from: (_, { server }) => server! }),
    tcp('the server: staff', {
      address: '10.0.0.2',
      port: INSIDE,
      from: (_, { server }) => server!,
      word: 'TIMEOUT',
    }),
    tcp('the server, from outside', { address: '203.0.1.2', port: WEB, from: outside, reached: [] }),
  ],
};

let made: GatewayLab;
const hosts: Record<string, Annex> = {};

beforeAll(async () => {
  made = await GatewayLab.start(GROUND, { topologyChanges: true });
  await made.stopDaemon();
  const { lab } = made;
  await openGround(lab);
  await lab
    .server()
    .child('children/echo')
    .ask('listen', { ports: [MAIL] });
  hosts.guest = await behind('guest0', '10.9.0');
  hosts.server = await behind('dmz0', '10.8.0');
  await hosts.server.child('children/echo').ask('listen', { ports: [MAIL, WEB] });
  // The office's own resolver.
  await lab.gateway.child('children/echo').ask('listen', { ports: [NAMES] });
});

afterAll(async () => {
  for (const host of Object.values(hosts)) await host.stop();
  await made?.stop();
});

function behind(device: string, network: string): Promise<Annex> {
  const { gateway } = made.lab;
  return annex(
    made.lab,
    device.replace('0', ''),
    (there) =>
      `link add ${device} netns ${gateway.namespace} type veth peer name eth0 netns ${there}`.split(' '),
    [`addr add ${network}.2/24 dev eth0`, 'link set eth0 up', `route add default via ${network}.1`],
  ).then(async (host) => {
    const lines = `ip addr add ${network}.1/24 dev ${device}; ip link set ${device} up`;
    await gateway.must(['sh', '-ec', lines]);
    return host;
  });
}

/** The block of the page that declares this table. */
function ruleset(table: string): string {
  const blocks = [...PAGE.matchAll(/^```nft\n(.*?)^```$/gms)].map(([, text = '']) => text);
  return blocks.find((text) => text.startsWith(`add table inet ${table}\n`)) ?? '';
}

async function asThePageSays(table: string): Promise<void> {
  const { gateway } = made.lab;
  // Twice: it is its own reload.
  for (let i = 0; i < 2; i++) await gateway.must(['nft', '-f', '-'], { input: ruleset(table) });
  const installation = { hosts, remove: async () => {} };
  try {
    for (const probe of PROBES[table]!)
      expect.soft(await ask(probe, made.lab, installation), probe.name).toEqual(probe.expected);
  } finally {
    await gateway.must(['nft', 'delete', 'table', 'inet', table]);
  }
}

test('the page has no other rulesets', () => {
  expect(PAGE.match(/^```nft$/gm)).toHaveLength(Object.keys(PROBES).length);
});

describe('plain kernel NAT', () => {
  let remove: () => Promise<void>;

  beforeAll(async () => {
    ({ remove } = await plainMasquerade(made.lab));
  });

  afterAll(() => remove());

  test.each(Object.keys(PROBES))('%s', asThePageSays);
});

describe.each(['race, with memory', 'turns'])('the gateway, %s', (way) => {
  beforeAll(() => made.startDaemon({ ...WAYS[way], lan: ['lan0', 'guest0', 'dmz0'] }));

  afterAll(async () => {
    await made.stopDaemon();
  });

  test.each(Object.keys(PROBES))('%s', asThePageSays);
});
