/** Builds a lab from a scenario, and takes it away again. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { complete, type FullScenario, type Scenario } from '../src/sim/scenario.js';
import { cleanLeftovers, hireJanitor, type Janitor } from './cleanup.js';
import { type Client, client } from './client.js';
import { type ConfigOverrides, configYaml } from './config-yaml.js';
import type { EmulatorSetup } from './emulator/protocol.js';
import { must, type Task } from './exec.js';
import { type Host, host } from './host.js';
import {
  clientAddress,
  macOf,
  type Namespaces,
  namespacePrefix,
  namespaces,
  prefixesTowardsGateway,
  serverGroups,
  uplink,
} from './plan.js';
import { type Child, startChild } from './rpc.js';
import { type ServerHost, serverHost } from './server.js';
import { linkCommands, namespaceSetups, setupScript } from './topology.js';
import { type LinkHandle, linkHandle, type Wire, wire } from './wire.js';

export interface Lab {
  readonly scenario: FullScenario;
  /** Temporary directory, removed with the lab. */
  readonly directory: string;
  /** Where `configYaml` puts the gateway's control socket. */
  readonly controlSocket: string;
  readonly gateway: Host;
  /** One per client address; several share a machine (see `Scenario.lan`). */
  readonly clients: readonly Client[];
  /** One per server of the scenario; several share a machine (see `Server.group`). */
  readonly servers: readonly ServerHost[];
  client(index?: number): Client;
  server(name?: string): ServerHost;
  /** A provider's link, to change it while the lab runs. */
  link(provider: string): LinkHandle;
  readonly wire: Wire;
  /** Starts the scenario's faults; resolves after the last one. */
  play(): Promise<void>;
  /** Writes a gateway configuration for this topology, and gives its path. */
  configYaml(overrides?: ConfigOverrides): string;
  /** Ends all programs and removes all namespaces. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Labs of this process so far. */
let serial = 0;

export async function startLab(input: Scenario): Promise<Lab> {
  const scenario = complete(input);
  await cleanLeftovers();
  const prefix = namespacePrefix(process.pid, serial++);
  const names = namespaces(prefix, scenario);
  const directory = mkdtempSync(join(tmpdir(), `${prefix}-`));
  const janitor = hireJanitor(names.all, directory);
  try {
    await build(scenario, names);
    return await open(scenario, names, directory, janitor);
  } catch (error) {
    await janitor.sweep();
    throw error;
  }
}

async function build(scenario: FullScenario, names: Namespaces): Promise<void> {
  await must(undefined, ['ip', '-batch', '-'], { input: linkCommands(scenario, names).join('\n') });
  await Promise.all(
    namespaceSetups(scenario, names).map((setup) =>
      must(setup.namespace, ['sh'], { input: setupScript(setup) }),
    ),
  );
}

async function open(
  scenario: FullScenario,
  names: Namespaces,
  directory: string,
  janitor: Janitor,
): Promise<Lab> {
  // BOUNDED: what tests start; ended tasks leave.
  const tasks = new Set<Task>();
  const keep = (task: Task): void => {
    tasks.add(task);
    void task.done.then(() => tasks.delete(task));
  };
  const machine = (namespace: string): Host => host(namespace, keep);
  const emulator = await startEmulator(scenario, names, keep);
  const needEmulator = (): Child => {
    if (emulator === undefined) throw new Error('a plain lab has no emulator');
    return emulator;
  };
  const clients = Array.from({ length: scenario.lan.clients }, (_, index) =>
    client(machine(names.clients[index % names.clients.length] as string), clientAddress(index)),
  );
  const groups = serverGroups(scenario);
  const servers = scenario.servers.map((server) => {
    const index = groups.findIndex(({ servers: members }) => members.includes(server));
    return serverHost(machine(names.servers[index] as string), server, directory);
  });
  const controlSocket = join(directory, 'control.sock');
  const links = new Map(scenario.providers.map(({ name }) => [name, linkHandle(name, needEmulator)]));
  const link = (name: string): LinkHandle => found(links.get(name), `provider ${name}`);

  async function stop(): Promise<void> {
    for (const task of tasks) task.signal('SIGKILL');
    await Promise.all([...tasks].map(({ done }) => done));
    await janitor.sweep();
  }

  return {
    scenario,
    directory,
    controlSocket,
    gateway: machine(names.gateway),
    clients,
    servers,
    client: (index = 0) => found(clients[index], `client ${index}`),
    server: (name) =>
      found(name === undefined ? servers[0] : servers.find((each) => each.name === name), `server ${name}`),
    link,
    wire: wire(needEmulator),
    play: () => play(scenario, link),
    configYaml: (overrides) => configYaml(scenario, directory, controlSocket, overrides),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function startEmulator(
  scenario: FullScenario,
  names: Namespaces,
  keep: (task: Task) => void,
): Promise<Child | undefined> {
  if (names.net === undefined) return undefined;
  const child = startChild(names.net, 'emulator/main');
  keep(child.task);
  await child.ask('setup', emulatorSetup(scenario));
  for (const [provider, drops] of Object.entries(scenario.drops)) {
    for (const drop of drops) await child.ask('drop', { provider, drop });
  }
  return child;
}

function emulatorSetup(scenario: FullScenario): EmulatorSetup {
  const groups = serverGroups(scenario);
  return {
    seed: scenario.seed,
    providers: scenario.providers.map((provider) => {
      const { ipv4, ipv6 } = uplink(provider);
      return {
        name: provider.name,
        device: `p${provider.number}`,
        mac: macOf('provider', provider.number),
        peerMac: macOf('gateway', provider.number),
        nextHops: [ipv4?.nextHop, ipv6?.nextHop].filter((hop) => hop !== undefined),
        prefixes: prefixesTowardsGateway(provider),
        link: provider.link,
      };
    }),
    serverPorts: groups.map((_, index) => ({
      device: `s${index + 1}`,
      mac: macOf('network', index + 1),
      peerMac: macOf('server', index + 1),
    })),
    servers: scenario.servers.map((server) => ({
      name: server.name,
      addresses: [...server.ipv4, ...server.ipv6],
      port: groups.findIndex(({ servers }) => servers.includes(server)),
      distanceMs: server.distanceMs,
    })),
  };
}

async function play(scenario: FullScenario, link: (name: string) => LinkHandle): Promise<void> {
  const startedAt = performance.now();
  const faults = [...scenario.faults].sort((left, right) => left.atMs - right.atMs);
  for (const fault of faults) {
    const wait = startedAt + fault.atMs - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const handle = link(fault.provider);
    if (fault.set) await handle.set(fault.set);
    if (fault.distanceMs) await handle.setDistance({ ...fault.distanceMs });
    if (fault.drop) await handle.drop(fault.drop);
  }
}

function found<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new Error(`this lab has no ${what}`);
  return value;
}
