/** A lab with a gateway in it: started together, stopped together, and nothing may be left of either. */
import { copyFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import {
  type Client,
  type ConfigOverrides,
  type Connector,
  type ConnectResult,
  type Lab,
  type RunResult,
  type Scenario,
  startLab,
  type Task,
  type WirePacket,
} from '../../../lab/index.js';
import { callControl } from '../../../src/api/client.js';
import type { Decision, Status } from '../../../src/api/contract.js';
import { STATUS_PATH, whyPath } from '../../../src/api/paths.js';
import { parseDestination } from '../../../src/cli/destination.js';
import { expectedState, type KernelState, kernelState } from './kernel-state.js';

export const PATHRACE = fileURLToPath(new URL('../../../bin/pathrace', import.meta.url));

/** A shared machine under a flood: longer than an operator would wait. */
const PATIENCE_MS = 20_000;

/** A start takes a second on a quiet machine, and ten on one with five times as much to do as it can. */
const READY_MS = 30_000;

/** Addresses of the lab's first and second server. */
export const NEAR = '198.51.100.1';
export const FAR = '198.51.100.2';
export const NEAR6 = '2001:db8:100::1';

export interface GatewayLabOptions {
  readonly config?: ConfigOverrides;
  /** The test changes interfaces or addresses: their own routes and settings need not come back. */
  readonly topologyChanges?: boolean;
  /** A module that every thread of the daemon loads first: to break something in it. */
  readonly preload?: string;
  /** Environment of the daemon. */
  readonly env?: Readonly<Record<string, string>>;
  /** Events of the log that are no complaints: they are what the test is about. */
  readonly expectedEvents?: readonly string[];
}

export class GatewayLab {
  /** The running daemon. */
  daemon!: Task;
  private config = '';

  private constructor(
    readonly lab: Lab,
    /** The namespace's state before any gateway. */
    readonly before: KernelState,
    private readonly options: GatewayLabOptions,
  ) {}

  /** Builds the lab and starts the gateway. */
  static async start(scenario: Scenario, options: GatewayLabOptions = {}): Promise<GatewayLab> {
    const lab = withKeptConnectors(await startLab(scenario));
    try {
      const made = new GatewayLab(lab, await kernelState(lab.gateway), options);
      await made.startDaemon(options.config);
      return made;
    } catch (error) {
      await lab.stop();
      throw error;
    }
  }

  /** Starts a gateway; without a configuration, with the one before. */
  async startDaemon(config?: ConfigOverrides): Promise<void> {
    if (config !== undefined || this.config === '') this.config = this.lab.configYaml(config ?? {});
    this.launch();
    try {
      await this.daemon.waitForLine(/^ready/, READY_MS);
    } catch (error) {
      // What it waits for, if it lives.
      const { stdout } = await this.lab.gateway.run(['ps', '-eLo', 'pid,ppid,stat,wchan:24,args']);
      const its = stdout.split('\n').filter((line) => line.includes(`${this.daemon.pid} `));
      throw new Error(`${String(error)}\n${its.join('\n')}`);
    }
  }

  /** The same without waiting for it. */
  launch(): void {
    const { preload, env = {} } = this.options;
    const preloaded = preload === undefined ? {} : { NODE_OPTIONS: `--import=${preload}` };
    const set = Object.entries({ ...env, ...preloaded }).map(([name, value]) => `${name}=${value}`);
    const command = [PATHRACE, 'gateway', '--config', this.config];
    this.daemon = this.lab.gateway.spawn(set.length === 0 ? command : ['env', ...set, ...command]);
  }

  /** Where the running gateway reads its configuration. */
  get configFile(): string {
    return this.config;
  }

  /** Replaces the running gateway's file; nothing happens until it is told to read it. */
  rewriteConfig(config: ConfigOverrides): void {
    copyFileSync(this.lab.configYaml(config), this.config);
  }

  /** Ends the gateway with SIGTERM; its exit code and its errors are checked. */
  async stopDaemon(): Promise<RunResult> {
    const result = await this.daemon.stop(8000);
    expect(result.code, result.stderr).toBe(0);
    return result;
  }

  /** The same gateway with another configuration. */
  async restart(config: ConfigOverrides): Promise<void> {
    await this.stopDaemon();
    await this.startDaemon(config);
  }

  /** What the command `status` prints, asked without the start of a process. */
  async status(): Promise<Status> {
    return (await callControl(this.lab.controlSocket, STATUS_PATH, PATIENCE_MS)) as Status;
  }

  async why(destination: string): Promise<Decision[]> {
    const { address, port } = parseDestination(destination);
    return (await callControl(this.lab.controlSocket, whyPath(address, port), PATIENCE_MS)) as Decision[];
  }

  /** A command that asks the control socket, with `--json`: what its document is about, as JSON again. */
  async command(...words: string[]): Promise<string> {
    const args = [PATHRACE, ...words, '--control', this.lab.controlSocket, '--json'];
    const { format, ok, ...fields } = JSON.parse(await this.lab.gateway.must(args)) as Record<
      string,
      unknown
    >;
    expect({ format, ok }).toEqual({ format: 1, ok: true });
    // A list is all that such a document has.
    const [only, ...others] = Object.values(fields);
    return JSON.stringify(others.length === 0 && Array.isArray(only) ? only : fields);
  }

  /** Ends gateway and lab; fails when the daemon complained or anything is left over. */
  async stop(): Promise<void> {
    const { lab } = this;
    try {
      const ended = await this.stopDaemon();
      const expected = this.options.expectedEvents ?? [];
      const isExpected = (line: string): boolean =>
        expected.some((event) => line.includes(`"event":"${event}"`));
      expect(complaints(ended.stderr).filter((line) => !isExpected(line))).toEqual([]);
      await this.expectCleanState();
      if (!lab.scenario.plain) expect((await lab.wire.counts()).overruns).toBe(0);
    } finally {
      await lab.stop();
    }
    const prefix = lab.gateway.namespace.replace(/-gw$/, '-');
    expect(readdirSync('/run/netns').filter((name) => name.startsWith(prefix))).toEqual([]);
  }

  /** The namespace is as it was before the first gateway. */
  async expectCleanState(): Promise<void> {
    const after = await kernelState(this.lab.gateway);
    const before = await expectedState(this.lab.gateway, this.before, after);
    expect(after.ruleset).toBe(before.ruleset);
    expect(after.rules).toBe(before.rules);
    if (this.options.topologyChanges) {
      expect(after.routes).not.toMatch(/proto 82|table 205/);
      return;
    }
    expect(after.routes).toBe(before.routes);
    expect(after.settings).toBe(before.settings);
  }
}

/** One process per client serves all its `connect` calls: starting one takes longer than most plans. */
function withKeptConnectors(lab: Lab): Lab {
  const clients = lab.clients.map((client): Client => {
    let kept: Connector | undefined;
    return {
      ...client,
      connect: (plan) => {
        kept ??= client.connector();
        return kept.run(plan);
      },
    };
  });
  return { ...lab, clients, client: (index = 0) => clients[index] ?? lab.client(index) };
}

/** Log lines of level error (50) and above. */
function complaints(stderr: string): string[] {
  return stderr.split('\n').filter((line) => /"level":"?(?:error|fatal|[56]0)/.test(line));
}

/** Runs with a gateway lab of its own. */
export async function withGateway<Value>(
  scenario: Scenario,
  options: GatewayLabOptions,
  action: (made: GatewayLab) => Promise<Value>,
): Promise<Value> {
  const made = await GatewayLab.start(scenario, options);
  let failed = true;
  try {
    const value = await action(made);
    failed = false;
    return value;
  } catch (error) {
    process.stderr.write(made.daemon.stderr().slice(-2000));
    throw error;
  } finally {
    // What went wrong first is what must be seen.
    if (failed) await made.lab.stop();
    else await made.stop();
  }
}

/** Connect times in milliseconds; every connection must have worked. */
export function connectMs(results: readonly ConnectResult[]): number[] {
  const failed = results.filter(({ ok }) => !ok);
  expect(failed.map(({ target, source, error }) => `${source.port} to ${target.address}: ${error}`)).toEqual(
    [],
  );
  return results.map(({ connectMicros }) => connectMicros / 1000);
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Asks until the answer holds; the last answer is returned, also when time has run out, so that it can be asserted. */
export async function eventually<Value>(
  ask: () => Promise<Value>,
  holds: (value: Value) => boolean,
  withinMs: number,
): Promise<Value> {
  const startedAt = performance.now();
  for (;;) {
    const value = await ask();
    const passedMs = performance.now() - startedAt;
    if (holds(value) || passedMs > withinMs) return value;
    // Who asks all the time takes the processor from whom the answer is about.
    await sleep(Math.min(25 + passedMs / 20, 200));
  }
}

/** Half-open connections at all servers, once no packet is on its way any more and they had `withinMs` to go away. */
export async function halfOpen(lab: Lab, withinMs = 2000): Promise<number> {
  const count = async (): Promise<{ held: number; open: number }> => {
    // First what is on its way: a SYN that is still on a slow link is half-open a moment later.
    const held = lab.scenario.plain ? 0 : (await lab.wire.counts()).held;
    const counts = await Promise.all(lab.servers.map((server) => server.halfOpen()));
    return { held, open: counts.reduce((sum, each) => sum + each, 0) };
  };
  const last = await eventually(count, ({ held, open }) => held === 0 && open === 0, withinMs);
  return last.open;
}

/** The packets of the handshake that a SYN copy belongs to: same provider, same server, same port. */
export function conversation(trace: readonly WirePacket[], syn: WirePacket): WirePacket[] {
  return trace.filter(
    (packet) =>
      packet.provider === syn.provider &&
      (packet.direction === 'out'
        ? packet.source === syn.source &&
          packet.sourcePort === syn.sourcePort &&
          packet.destination === syn.destination &&
          packet.destinationPort === syn.destinationPort
        : packet.destination === syn.source &&
          packet.destinationPort === syn.sourcePort &&
          packet.source === syn.destination &&
          packet.sourcePort === syn.destinationPort),
  );
}

/** Every SYN+ACK of the trace but the winner's is answered by the exact reset: SEQ its ACK, no ACK flag, same route. */
export function expectLosersReset(trace: readonly WirePacket[], winner: string): void {
  const synAcks = trace.filter(({ kind, direction }) => kind === 'synack' && direction === 'in');
  for (const synAck of synAcks.filter(({ provider }) => provider !== winner)) {
    const resets = trace.filter(
      (packet) =>
        packet.kind === 'rst' &&
        packet.direction === 'out' &&
        packet.provider === synAck.provider &&
        packet.source === synAck.destination &&
        packet.sourcePort === synAck.destinationPort &&
        packet.destination === synAck.source &&
        packet.destinationPort === synAck.sourcePort,
    );
    expect(
      resets.map(({ flags, seq }) => ({ flags, seq })),
      `${synAck.provider}: reset of a losing SYN+ACK`,
    ).toContainEqual({ flags: 'R', seq: synAck.ack });
    expect(resets.every(({ flags, seq }) => flags === 'R' && seq === synAck.ack)).toBe(true);
  }
}
