/** Three namespaces around a real gateway: clients on its LAN, itself, and everything beyond its three providers. */
import { closeSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hireJanitor } from '../lab/cleanup.js';
import { must, run, start, type Task } from '../lab/exec.js';
import type { Status } from '../src/api/contract.js';
import { systemCall } from '../src/kernel/ffi.js';
import { PathraceError } from '../src/model/errors.js';

export const PROVIDERS = [1, 2, 3] as const;
/** How many addresses the clients have; `client4` and `client6` count from 0. */
export const CLIENTS = 64;
/** The one server that answers. Others of its prefixes are silent. */
export const SERVER = '198.51.100.7';
export const SERVER6 = '2001:db8:100::7';

const CLI = fileURLToPath(new URL('../../bin/pathrace', import.meta.url));

export const client4 = (n: number): number[] => [192, 168, 1, 10 + n];
export const client6 = (n: number): number[] => [0xfd, 0, 0, 1, ...new Array<number>(11).fill(0), 10 + n];

export interface Topology {
  readonly clients: string;
  readonly gateway: string;
  readonly beyond: string;
  readonly daemon: Task;
  status(): Promise<Status>;
  /** Packets that wait in the two queues, and those that did not fit. */
  queues(): { waiting: number; total: number; lost: number };
  residentMb(): number;
  /** Opens a real connection to the server and gets its echo. */
  connect(address: string): Promise<boolean>;
  /** Takes a provider's interface down and up again: copies cannot leave for a moment. */
  flap(provider: number): Promise<void>;
  /** Forgets all flows, so that the kernel's own table is never what shields the daemon. */
  forgetFlows(): Promise<void>;
  stop(): Promise<number | null>;
}

/** Builds everything; nothing of it outlives this process. */
export async function buildTopology(): Promise<Topology> {
  const name = (part: string): string => `prfuzz-${process.pid}-${part}`;
  const [clients, gateway, beyond] = [name('c'), name('g'), name('b')];
  const directory = mkdtempSync(join(tmpdir(), 'pathrace-fuzz-'));
  const janitor = hireJanitor([clients, gateway, beyond], directory);
  try {
    for (const namespace of [clients, gateway, beyond])
      await must(undefined, ['ip', 'netns', 'add', namespace]);
    await must(gateway, ['bash', '-euc', linksScript(clients, beyond)]);
    await must(clients, ['bash', '-euc', clientsScript()]);
    await must(beyond, ['bash', '-euc', beyondScript()]);
    const server = start(beyond, [process.execPath, '-e', SERVER_SCRIPT]);
    await server.waitForLine(/listening/);
    const control = join(directory, 'control.sock');
    const config = join(directory, 'config.yaml');
    writeFileSync(config, configYaml(control));
    const daemon = start(gateway, [CLI, 'gateway', '--config', config]);
    await daemon.waitForLine(/^ready/, 20_000);
    return {
      clients,
      gateway,
      beyond,
      daemon,
      status: () =>
        patient(async () => JSON.parse(await must(gateway, [CLI, 'status', '--control', control, '--json']))),
      queues: () => readQueues(daemon.pid),
      residentMb: () => readResidentMb(daemon.pid),
      connect: async (address) => {
        const result = await run(clients, [process.execPath, '-e', CLIENT_SCRIPT, address], {
          timeoutMs: 15_000,
        });
        return result.code === 0;
      },
      flap: async (n) => void (await must(gateway, ['bash', '-euc', flapScript(n)])),
      forgetFlows: async () => void (await run(gateway, ['conntrack', '-F'])),
      stop: async () => {
        const { code } = await daemon.stop(10_000);
        await server.stop();
        await janitor.sweep();
        return code;
      },
    };
  } catch (error) {
    await janitor.sweep();
    throw error;
  }
}

/** A busy machine may answer late once; a gateway that does not answer four times in a row does not answer. */
async function patient(ask: () => Promise<Status>): Promise<Status> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries === 4) throw error;
    }
  }
}

/** Runs `action` with this thread in a namespace: sockets that it opens stay there. Synchronous on purpose. */
export function inside<T>(namespace: string, action: () => T): T {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  const there = openSync(`/run/netns/${namespace}`, 'r');
  try {
    enter(there);
    return action();
  } finally {
    enter(home);
    closeSync(there);
    closeSync(home);
  }
}

const setns = systemCall('setns', 'int', ['int', 'int']);
const CLONE_NEWNET = 0x40000000;

function enter(descriptor: number): void {
  if (setns(descriptor, CLONE_NEWNET) !== 0)
    throw new PathraceError('E_LAB', 'The namespace cannot be entered.');
}

/** Hardware addresses of the gateway's interfaces, by name. */
export async function hardwareAddresses(namespace: string): Promise<Map<string, number[]>> {
  const links = JSON.parse(await must(namespace, ['ip', '-j', 'link', 'show'])) as {
    ifname: string;
    address: string;
  }[];
  return new Map(
    links.map(({ ifname, address }) => [ifname, address.split(':').map((part) => parseInt(part, 16))]),
  );
}

/** One end of each pair is the gateway's. Checksums are finished in software: nothing between the ends may skip them. */
function linksScript(clients: string, beyond: string): string {
  const pair = (name: string, peer: string, namespace: string): string => `
    ip link add ${name} type veth peer name ${peer} netns ${namespace}
    sysctl -qw net.ipv6.conf.${name}.accept_dad=0
    ip link set ${name} up`;
  return `
    ip link set lo up
    ${pair('lan0', 'eth0', clients)}
    ${PROVIDERS.map((n) => pair(`wan${n}`, `isp${n}`, beyond)).join('')}
    ip addr add 192.168.1.1/24 dev lan0
    ip -6 addr add fd00:1::1/64 dev lan0 nodad
    ${PROVIDERS.map((n) => `ip addr add 203.0.${n}.2/24 dev wan${n}; ip -6 addr add fd03:${n}::2/64 dev wan${n} nodad`).join('\n')}`;
}

function clientsScript(): string {
  const addresses = Array.from(
    { length: CLIENTS },
    (_, n) =>
      `ip addr add 192.168.1.${10 + n}/24 dev eth0; ip -6 addr add fd00:1::${(10 + n).toString(16)}/64 dev eth0 nodad`,
  );
  return `
    ip link set lo up
    ip link set eth0 up
    ${addresses.join('\n')}
    ip route add default via 192.168.1.1
    ip -6 route add default via fd00:1::1`;
}

function beyondScript(): string {
  return `
    ip link set lo up
    ip addr add ${SERVER}/32 dev lo
    ip -6 addr add ${SERVER6}/128 dev lo nodad
    sysctl -qw net.ipv4.conf.all.rp_filter=0
    ${PROVIDERS.map((n) => `ip link set isp${n} up; ip addr add 203.0.${n}.1/24 dev isp${n}; ip -6 addr add fd03:${n}::1/64 dev isp${n} nodad`).join('\n')}`;
}

/** IPv6 addresses go with the interface. */
function flapScript(n: number): string {
  return `
    ip link set wan${n} down
    sleep 0.02
    ip link set wan${n} up
    ip -6 addr add fd03:${n}::2/64 dev wan${n} nodad`;
}

/** Bounds so wide that none of them keeps a packet from the daemon. */
function configYaml(control: string): string {
  const routes = PROVIDERS.map(
    (n) =>
      `  r${n}: { interface: wan${n}, gateway: [203.0.${n}.1, "fd03:${n}::1"], addresses: [203.0.${n}.2, "fd03:${n}::2"] }`,
  );
  return `
control: ${control}
lan: [lan0]
routes:
${routes.join('\n')}
services:
  - { name: everything, match: { tcp: any }, select: race }
rest: { route: r1 }
memory: { trust: 0s }
limits:
  races: 65536
  racesPerClient: 65536
  raceRatePerClient: 1000000
  raceBurstPerClient: 1000000
  queue: 16384
  portMemory: 1048576
  raceTimeout: 1s
log: { level: error }
`;
}

const SERVER_SCRIPT = `
const server = require('node:net').createServer((socket) => {
  socket.on('error', () => {});
  socket.pipe(socket);
});
server.listen(443, '::', 4096, () => console.log('listening'));
`;

const CLIENT_SCRIPT = `
const socket = require('node:net').connect(443, process.argv[1], () => socket.write('ping'));
socket.on('data', (data) => { process.exitCode = data.toString() === 'ping' ? 0 : 1; socket.destroy(); });
socket.on('error', (error) => { console.error(error.message); process.exitCode = 1; });
setTimeout(() => { console.error('silence'); process.exit(1); }, 12000).unref();
`;

/** Columns of the kernel's own table: queue, port, waiting, mode, range, dropped, dropped for the user, last id. */
function readQueues(pid: number): { waiting: number; total: number; lost: number } {
  const sum = { waiting: 0, total: 0, lost: 0 };
  for (const line of readProc(pid, 'net/netfilter/nfnetlink_queue').split('\n')) {
    const columns = line.trim().split(/\s+/).map(Number);
    if (columns.length < 8) continue;
    sum.waiting += columns[2];
    sum.lost += columns[5] + columns[6];
    sum.total += columns[7];
  }
  return sum;
}

function readResidentMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readProc(pid, 'status'))?.[1] ?? '0';
  return Math.round(Number(kilobytes) / 102.4) / 10;
}

/** Empty once the process is gone. */
function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
