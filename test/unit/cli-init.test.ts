/** `pathrace init` on made-up machines: whatever they have, the file is one that a gateway takes, and names every uplink. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Machine, MachineAddress, MachineDefault, MachineLink } from '../../src/cli/init/machine.js';
import { propose } from '../../src/cli/init/propose.js';
import { renderConfig } from '../../src/cli/init/render.js';
import { type InitOptions, runInit } from '../../src/cli/init.js';
import type { CommandIo } from '../../src/cli/io.js';
import { FIELDS } from '../../src/cli/json-fields.js';
import { parseConfig } from '../../src/config/load.js';
import type { GatewayConfig } from '../../src/model/config.js';

function addresses(list: readonly string[]): MachineAddress[] {
  return list.map((text) => {
    const [address, length] = text.split('/');
    return { address, prefixLength: Number(length) };
  });
}

function link(name: string, all: readonly string[] = [], more: Partial<MachineLink> = {}): MachineLink {
  const ipv6 = all.filter((text) => text.includes(':'));
  const ipv4 = all.filter((text) => !text.includes(':'));
  return { name, kind: null, master: null, ipv4: addresses(ipv4), ipv6: addresses(ipv6), ...more };
}

/** `eth0 192.0.2.1`, `ppp0`; an IPv6 next hop makes it one of IPv6. */
function defaults(...lines: readonly string[]): MachineDefault[] {
  return lines.map((line) => {
    const [name, gateway = null] = line.split(' ');
    return { family: gateway?.includes(':') ? 'ipv6' : 'ipv4', interface: name, gateway };
  });
}

const LO = link('lo', ['127.0.0.1/8', '::1/128']);

/** Machines, and what the file must say of each. */
const MACHINES: readonly (readonly [
  what: string,
  machine: Machine,
  lan: string[],
  routes: Record<string, string>,
])[] = [
  [
    'two lines of DHCP and a LAN',
    {
      links: [
        LO,
        link('eth0', ['192.0.2.7/24']),
        link('eth1', ['198.51.100.7/24']),
        link('eth2', ['192.168.1.1/24']),
      ],
      defaults: defaults('eth0 192.0.2.1', 'eth1 198.51.100.1'),
    },
    ['eth2'],
    { wan1: 'eth0', wan2: 'eth1' },
  ],
  [
    'providers that give private addresses',
    {
      links: [
        LO,
        link('enp1s0', ['192.168.0.20/24']),
        link('enp2s0', ['10.0.0.5/8']),
        link('enp3s0', ['192.168.1.1/24']),
      ],
      defaults: defaults('enp1s0 192.168.0.1', 'enp2s0 10.0.0.1'),
    },
    ['enp3s0'],
    { wan1: 'enp1s0', wan2: 'enp2s0' },
  ],
  [
    'DHCP, PPP without a next hop, IPv6 alone, and a modem that the kernel prefers',
    {
      links: [
        LO,
        link('wwan0', ['100.80.1.2/30']),
        link('eth0', ['192.0.2.7/24']),
        link('ppp0', ['203.0.113.9/32']),
        link('eth1', ['2001:db8::7/64']),
        link('br0', ['192.168.1.1/24', 'fd00::1/64'], { kind: 'bridge' }),
        link('eth2', [], { master: 'br0' }),
      ],
      defaults: defaults('wwan0 100.80.1.1', 'eth0 192.0.2.1', 'ppp0', 'eth1 fe80::1'),
    },
    ['br0'],
    { wan1: 'eth0', ppp: 'ppp0', wan2: 'eth1', lte: 'wwan0' },
  ],
  [
    'a laptop: Ethernet, Wi-Fi, containers and tunnels beside',
    {
      links: [
        LO,
        link('eth0', ['192.168.0.20/24']),
        link('wlp3s0', ['192.168.5.20/24']),
        link('docker0', ['172.17.0.1/16'], { kind: 'bridge' }),
        link('br-0123456789ab', ['172.18.0.1/16'], { kind: 'bridge' }),
        link('virbr0', ['192.168.122.1/24'], { kind: 'bridge' }),
        link('wg0', ['10.8.0.2/24'], { kind: 'wireguard' }),
        link('tun0', ['10.9.0.2/24'], { kind: 'tun' }),
        link('veth1234567', [], { kind: 'veth', master: 'docker0' }),
      ],
      defaults: defaults('eth0 192.168.0.1', 'wlp3s0 192.168.5.1'),
    },
    ['local'],
    { wan1: 'eth0', wifi: 'wlp3s0' },
  ],
  [
    'VLANs on one port, and an uplink that a person has named',
    {
      links: [
        LO,
        link('eth0'),
        link('eth0.10', ['192.0.2.7/24'], { kind: 'vlan' }),
        link('fiber', ['198.51.100.7/24']),
        link('eth0.20', ['192.168.20.1/24'], { kind: 'vlan' }),
        link('eth0.30', ['fd00:30::1/64'], { kind: 'vlan' }),
      ],
      defaults: defaults('eth0.10 192.0.2.1', 'fiber 198.51.100.1', 'fiber fe80::1'),
    },
    ['eth0.20', 'eth0.30'],
    { wan1: 'eth0.10', fiber: 'fiber' },
  ],
  [
    'a tunnel that is a default route',
    {
      links: [LO, link('eth0', ['192.0.2.7/24']), link('wg0', ['10.8.0.2/24'], { kind: 'wireguard' })],
      defaults: defaults('wg0', 'eth0 192.0.2.1'),
    },
    ['local'],
    { tunnel: 'wg0', wan1: 'eth0' },
  ],
  [
    'one line, and a port that waits for the second',
    {
      links: [LO, link('eth0', ['192.0.2.7/24']), link('eth1', ['192.168.1.1/24']), link('eth2')],
      defaults: defaults('eth0 192.0.2.1'),
    },
    ['eth1'],
    { wan1: 'eth0', wan2: 'eth2' },
  ],
  [
    'one line and nothing else, whose name is that of the second',
    { links: [LO, link('wan2', ['192.0.2.7/24'])], defaults: defaults('wan2 192.0.2.1') },
    ['local'],
    { wan2: 'wan2', wan3: 'wan3' },
  ],
  [
    'two modems and two radios, names that are criteria, numbers and words of YAML',
    {
      links: [
        link('wwan0'),
        link('wwan1'),
        link('wlan0', ['192.168.7.9/24']),
        link('wlan1'),
        link('race'),
        link('no', ['192.0.2.7/24']),
        link('1e3', ['192.168.1.1/24']),
        link('true', ['192.168.2.1/24']),
        link('local', ['192.168.3.1/24']),
      ],
      defaults: defaults('wwan0', 'wwan1', 'wlan0 192.168.7.1', 'wlan1 fe80::1', 'race', 'no 192.0.2.1'),
    },
    ['1e3', 'true'],
    { wifi: 'wlan0', wifi2: 'wlan1', wan1: 'race', no: 'no', lte: 'wwan0', lte2: 'wwan1' },
  ],
  [
    'a multipath route of three',
    {
      links: ['eth0', 'eth1', 'eth2'].map((name, at) => link(name, [`192.0.${at}.7/24`])),
      defaults: defaults('eth0 192.0.0.1', 'eth1 192.0.1.1', 'eth2 192.0.2.1'),
    },
    ['local'],
    { wan1: 'eth0', wan2: 'eth1', wan3: 'eth2' },
  ],
];

function configOf(machine: Machine): GatewayConfig {
  return parseConfig(renderConfig(propose(machine)), 'proposal');
}

describe('the file', () => {
  it.each(MACHINES)('%s: a gateway takes it', (_, machine, lan, routes) => {
    const config = configOf(machine);
    expect(Object.fromEntries(config.routes.map((route) => [route.name, route.interface]))).toEqual(routes);
    expect(config.routes.map(({ name }) => name)).toEqual(Object.keys(routes));
    expect(config.local ? [...config.lan, 'local'] : config.lan).toEqual(lan);
    expect(config.rest.route).toBe(config.routes[0].name);
    // Every interface with a default route, whatever else.
    const named = config.routes.map((route) => route.interface);
    for (const { interface: uplink } of machine.defaults) expect(named).toContain(uplink);
  });

  it('has a route for each of two providers on one interface, and one where they share its address', () => {
    const shared = (all: string[]): Machine => ({
      links: [link('eth0', all), link('eth1', ['192.168.1.1/24'])],
      defaults: defaults('eth0 192.0.2.1', 'eth0 198.51.100.1'),
    });
    const two = configOf(shared(['192.0.2.7/24', '198.51.100.7/24', '198.51.100.8/24']));
    expect(
      two.routes.map(({ interface: at, gateway, addresses: own }) => [at, gateway.ipv4, own.ipv4]),
    ).toEqual([
      ['eth0', '192.0.2.1', ['192.0.2.7']],
      ['eth0', '198.51.100.1', ['198.51.100.7', '198.51.100.8']],
    ]);
    const one = propose({
      links: [link('eth0', ['192.0.2.7/24']), link('eth1', ['198.51.100.7/24'])],
      defaults: defaults('eth0 192.0.2.1', 'eth0 192.0.2.254', 'eth1 198.51.100.1'),
    });
    expect(one.routes.map((route) => route.interface)).toEqual(['eth0', 'eth1']);
    expect(one.notes.join()).toContain('192.0.2.254');
  });

  it('has 16 routes of 20, and says which have none', () => {
    const names = Array.from({ length: 20 }, (_, at) => `eth${at}`);
    const machine = { links: names.map((name) => link(name)), defaults: defaults(...names) };
    const { notes } = propose(machine);
    expect(configOf(machine).routes).toHaveLength(16);
    expect(notes.join()).toContain('eth16, eth17, eth18, eth19');
  });

  it('leaves a modem’s price, volume and rank to the operator, as lines to take the # off', () => {
    const machine = { links: [link('eth0'), link('wwan0')], defaults: defaults('eth0 192.0.2.1', 'wwan0') };
    const text = renderConfig(propose(machine));
    const taken = text.replace(/^ {4}# (cost|quota|use):/gm, '    $1:').replace(/^ {2}# - /gm, '  - ');
    expect(parseConfig(text, 'as it is').routes[1]).toMatchObject({ cost: 0, optional: true, quota: null });
    const [, lte] = parseConfig(taken, 'taken').routes;
    expect(lte).toMatchObject({ cost: 8, lastResort: true, quota: { day: 12 } });
    expect(parseConfig(taken, 'taken').services).toHaveLength(3);
  });
});

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-init-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const [, TWO] = MACHINES[0];
const [, MODEM] = MACHINES[2];

interface Said {
  readonly code: number;
  readonly out: string;
}

/** Runs it with the answers of a person, or without a terminal. */
async function init(
  options: Partial<InitOptions>,
  machine: Machine,
  answers?: readonly string[],
): Promise<Said> {
  let out = '';
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const stdout = Object.assign(new PassThrough(), { isTTY: answers !== undefined, columns: 200 });
  const waiting = [...(answers ?? [])];
  stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    // The answer to a question that was asked, not to one before it is there.
    if (/: $/.test(out.replace(/\x1b\[[0-9;]*[A-Za-z]/g, ''))) {
      const next = waiting.shift();
      if (next !== undefined) setImmediate(() => input.write(next));
    }
  });
  const io: CommandIo = {
    stdout: stdout as unknown as CommandIo['stdout'],
    stderr: { write: () => {} },
    env: {},
    input: answers === undefined ? undefined : () => input,
  };
  const whole = { yes: false, output: undefined, force: false, json: false, ...options };
  const code = await runInit(whole, io, machine);
  await new Promise((resolve) => setImmediate(resolve));
  return { code, out };
}

describe('the command', () => {
  it('writes with --yes what everybody may read, and says what is next', async () => {
    const output = join(folder, 'yes.yaml');
    const { code, out } = await init({ yes: true, output }, TWO);
    expect(code).toBe(0);
    expect(parseConfig(readFileSync(output, 'utf8'), output).lan).toEqual(['eth2']);
    expect(statSync(output).mode & 0o777).toBe(0o644);
    expect(out.replace(/\s+/g, ' ')).toContain('wan1 (eth0), wan2 (eth1); for eth2.');
    expect(out).toContain(`pathrace check ${output}`);
    expect(out).toContain(`pathrace gateway --config ${output}`);
    for (const line of out.split('\n')) expect(line.length).toBeLessThan(100);
  });

  it('never writes over a file, but with --force, and leaves nothing beside it', async () => {
    const output = join(folder, 'there.yaml');
    writeFileSync(output, 'mine');
    await expect(init({ yes: true, output }, TWO)).rejects.toMatchObject({ code: 'E_OUTPUT_EXISTS' });
    expect(readFileSync(output, 'utf8')).toBe('mine');
    expect((await init({ yes: true, output, force: true }, TWO)).code).toBe(0);
    expect(readFileSync(output, 'utf8')).toContain('wan1:');
    const nowhere = join(folder, 'no-folder/x.yaml');
    await expect(init({ yes: true, output: nowhere }, TWO)).rejects.toMatchObject({
      code: 'E_OUTPUT_FAILED',
    });
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('prints the file alone where none was named', async () => {
    const { code, out } = await init({ yes: true }, TWO);
    expect(code).toBe(0);
    expect(parseConfig(out, 'printed').routes).toHaveLength(2);
  });

  it('says with --json the fields of docs/json.md', async () => {
    const document = JSON.parse((await init({ json: true }, MODEM)).out) as Record<string, unknown>;
    expect(Object.keys(document).sort()).toEqual(
      [...new Set(FIELDS.init.map(([path]) => path.split(/[[.]/)[0]))].sort(),
    );
    expect(Object.keys((document.routes as object[])[0]).sort()).toEqual([
      'found',
      'interface',
      'kind',
      'name',
      'placeholder',
    ]);
  });

  it('writes nothing where there is no default route, and asks nobody where nobody is', async () => {
    const none = { links: [LO, link('eth0', ['192.168.1.1/24'])], defaults: [] };
    const output = join(folder, 'none.yaml');
    await expect(init({ yes: true, output }, none)).rejects.toMatchObject({ code: 'E_NO_UPLINK' });
    await expect(init({ output }, TWO)).rejects.toMatchObject({ code: 'E_ARGUMENT' });
    expect(readdirSync(folder)).not.toContain('none.yaml');
  });
});

describe('the questions', () => {
  it('are answered by Enter', async () => {
    const output = join(folder, 'asked.yaml');
    const { code, out } = await init({ output }, MODEM, ['\r', '\r', '\r', '\r', '\r', '\r', '\r']);
    expect([code, out]).toEqual([
      0,
      expect.stringContaining('Interfaces of the providers [eth0 ppp0 eth1 wwan0]'),
    ]);
    expect(readFileSync(output, 'utf8')).toBe(renderConfig(propose(MODEM)));
  });

  it('take other interfaces, names, prices and files, and say what is wrong with an answer', async () => {
    const output = join(folder, 'other.yaml');
    const answers = [
      'eth9',
      'eth0, wwan0',
      'eth0',
      'local',
      'race',
      'fiber',
      'fiber',
      'lte',
      'much',
      '8.5',
      output,
    ];
    const { code, out } = await init(
      {},
      MODEM,
      answers.map((one) => `${one}\r`),
    );
    expect([code, out]).toEqual([0, expect.stringContaining('There is no interface eth9')]);
    for (const words of [
      'eth0 is a provider’s',
      'is no criterion',
      'Another route is called so',
      'A number, such as',
    ])
      expect(out).toContain(words);
    const config = parseConfig(readFileSync(output, 'utf8'), output);
    expect(config.routes.map(({ name, cost }) => [name, cost])).toEqual([
      ['fiber', 0],
      ['lte', 8.5],
    ]);
    expect([config.lan, config.local]).toEqual([[], true]);
  });

  it.each([
    ['Ctrl-C', '\x03'],
    ['the end of the input', '\x04'],
  ])('end with %s, and nothing is written', async (_, key) => {
    const output = join(folder, `ended-${key.charCodeAt(0)}.yaml`);
    const { code, out } = await init({ output }, TWO, ['\r', key]);
    expect([code, out]).toEqual([1, expect.stringContaining('Nothing was written')]);
    expect(readdirSync(folder).filter((name) => name.includes('ended'))).toEqual([]);
  });
});
