/**
 * A site in a virtual machine: the lab's topology without its emulator, which would be slow there. The delays are the kernel's own (netem),
 * and what was on the wire is counted where the server is.
 */
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  type CheckResult,
  type ConfigOverrides,
  type Connector,
  type EchoServer,
  type Lab,
  startLab,
  type Task,
} from '../../lab/index.js';
import { callControl } from '../../src/api/client.js';
import type { Decision, Status } from '../../src/api/contract.js';
import { STATUS_PATH, whyPath } from '../../src/api/paths.js';
import { expectedState, type KernelState, kernelState } from '../lab/support/kernel-state.js';

export const PATHRACE = new URL('../../../bin/pathrace', import.meta.url).pathname;
export const NEAR = { ipv4: '198.51.100.1', ipv6: '2001:db8:100::1' } as const;
export const FAMILIES = ['ipv4', 'ipv6'] as const;
export const PORT = 7;
export const OTHER_PORT = 8;
/** By what the server's machine sends to each provider's gateway; `b` wins every race. */
const DELAYS_MS = { p1: 60, p2: 5, p3: 120 };
/** A processor that is emulated is slow. */
export const ANSWER_MS = 60_000;
const BULK_BYTES = 20_000_000;
/** It also stands still at times. */
const HEARTBEAT = { heartbeat: '10s' };

export class Site {
  daemon: Task | null = null;
  private config = '';
  /** Of the client's connections that are held: others' entries may live on, as the kernel likes. */
  heldPorts: readonly number[] = [];

  private constructor(
    readonly lab: Lab,
    readonly echo: EchoServer,
    readonly client: Connector,
    private readonly before: KernelState,
  ) {}

  static async start(): Promise<Site> {
    const lab = await startLab({
      plain: true,
      providers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
      servers: [{ name: 'near' }, { name: 'far' }],
    });
    const server = lab.server();
    const delays = Object.entries(DELAYS_MS).map(
      ([port, ms]) => `qdisc add dev ${port} root netem delay ${ms}ms limit 100000`,
    );
    await server.must(['tc', '-batch', '-'], { input: delays.join('\n') });
    await server.must(['nft', '-f', '-'], { input: WIRE });
    const bulk = join(lab.directory, 'bulk');
    await server.must(['sh', '-c', `head -c ${BULK_BYTES} /dev/urandom >'${bulk}'`]);
    return new Site(
      lab,
      await server.echo({ ports: [PORT, OTHER_PORT] }),
      lab.client().connector(),
      await kernelState(lab.gateway),
    );
  }

  /** Starts the gateway, or has the running one read another configuration. */
  async gateway(overrides: ConfigOverrides): Promise<void> {
    const { kernel, ...rest } = overrides;
    const file = this.lab.configYaml({ ...rest, kernel: { ...HEARTBEAT, ...(kernel as object) } });
    if (this.daemon === null) {
      this.config = file;
      await this.startDaemon();
    } else {
      const reloads = this.logged('reload').length;
      copyFileSync(file, this.config);
      this.daemon.signal('SIGHUP');
      await this.until(async () => this.logged('reload').length > reloads, 'the reload');
    }
  }

  /** With the configuration before. */
  async startDaemon(): Promise<void> {
    this.daemon = this.lab.gateway.spawn([PATHRACE, 'gateway', '--config', this.config]);
    await this.daemon.waitForLine(/^ready/, 300_000);
  }

  async kill(): Promise<void> {
    this.daemon?.signal('SIGKILL');
    await this.daemon?.done;
    this.daemon = null;
  }

  /** The namespace is as it was before the first gateway. */
  async expectNothingLeft(): Promise<void> {
    const after = await kernelState(this.lab.gateway);
    const { ruleset, rules, settings } = await expectedState(this.lab.gateway, this.before, after);
    assert.deepEqual([after.ruleset, after.rules], [ruleset, rules]);
    assert.deepEqual(added(settings, after.settings), []);
    assert.deepEqual(added(after.settings, settings), []);
    assert.doesNotMatch(after.routes, /proto 82|table 205/);
  }

  /** Opens a connection of each family that stays; both have spoken. */
  async hold(): Promise<void> {
    const targets = FAMILIES.map((family) => ({ address: NEAR[family], port: PORT }));
    const held = await this.client.run({ targets, bytes: 3000, hold: true });
    this.heldPorts = held.map(({ source }) => source.port);
    assert.deepEqual(
      held.filter(({ ok }) => !ok),
      [],
    );
    await this.speak();
  }

  /** What was held carries its bytes, and what was carried before is acknowledged. */
  async speak(): Promise<void> {
    for (let time = 0; time < 2; time++) assert.deepEqual(await this.check(), { held: 2, ok: 2, errors: {} });
  }

  check(): Promise<CheckResult> {
    return this.client.check(3000);
  }

  release(): Promise<void> {
    return this.client.release('reset');
  }

  /** Living entries of the client's connections that are held, as somebody else reads them. */
  async entries(): Promise<string[]> {
    const lists = FAMILIES.map((family) =>
      this.lab.gateway.run(['conntrack', '-L', '-f', family, '-p', 'tcp', '--dport', String(PORT)]),
    );
    const lines = (await Promise.all(lists)).flatMap(({ stdout }) => stdout.split('\n'));
    return lines.filter(
      (line) =>
        this.heldPorts.includes(Number(/ sport=(\d+)/.exec(line)?.[1])) &&
        (line.includes('[OFFLOAD]') || / ESTABLISHED /.test(line)),
    );
  }

  /** Those of them that pass by the rules. */
  async countFast(): Promise<number> {
    return (await this.entries()).filter((line) => line.includes('[OFFLOAD]')).length;
  }

  async status(): Promise<Status> {
    return (await callControl(this.lab.controlSocket, STATUS_PATH, ANSWER_MS)) as Status;
  }

  async why(address: string): Promise<Decision[]> {
    return (await callControl(this.lab.controlSocket, whyPath(address, null), ANSWER_MS)) as Decision[];
  }

  /** Connects `count` times; each must bring its bytes back. The providers that they came by, as the server sees it. */
  async connect(family: 'ipv4' | 'ipv6', count = 3, by = this.client): Promise<string[]> {
    await this.echo.forget();
    const targets = [{ address: NEAR[family], port: PORT }];
    const results = await by.run({ targets, count, concurrency: 1, bytes: 1000 });
    assert.deepEqual(
      results.filter(({ ok }) => !ok),
      [],
    );
    return (await this.echo.connections()).map(({ remoteAddress }) => providerOf(remoteAddress));
  }

  /**
   * Connections come by these providers, with so many SYNs at each. A second look is no shame: a machine that stands still repeats a SYN, and
   * lets the kernel go on without the daemon.
   */
  async comeBy(
    family: 'ipv4' | 'ipv6',
    providers: readonly string[],
    syns: readonly number[],
    by = this.client,
  ): Promise<void> {
    for (let attempt = 1; attempt <= 5; attempt++) {
      await this.syns();
      const found = {
        by: (await this.connect(family, providers.length, by)).sort(),
        syns: await this.syns(),
      };
      if (isDeepStrictEqual(found, { by: providers, syns })) return;
      if (attempt === 5) assert.deepEqual(found, { by: providers, syns });
      await sleep(1000);
    }
  }

  /** What becomes of one connection that is perhaps not to be. */
  async outcome(family: 'ipv4' | 'ipv6', port: number): Promise<string> {
    const [result] = await this.client.run({
      targets: [{ address: NEAR[family], port }],
      bytes: 10,
      timeoutMs: 5000,
    });
    return result?.ok ? 'ok' : (result?.error ?? '?');
  }

  /** SYNs that have come to each provider's end since the last call. */
  async syns(): Promise<number[]> {
    const listed = await this.lab.server().must(['nft', 'reset', 'counters', 'table', 'inet', 'wire']);
    return [1, 2, 3].map((number) =>
      Number(new RegExp(`syn_${number} \\{\\s+packets (\\d+)`).exec(listed)?.[1]),
    );
  }

  /** 20 MB from the server, and whether they are the same at the client. */
  async bulk(family: 'ipv4' | 'ipv6'): Promise<boolean> {
    const { lab } = this;
    const file = join(lab.directory, 'bulk');
    const flag = family === 'ipv4' ? '-4' : '-6';
    const server = lab.server().spawn(['sh', '-c', `exec nc ${flag} -N -l 9000 <'${file}'`]);
    await this.until(
      async () => /:9000\s/.test(await lab.server().must(['ss', '-Hltn'])),
      'the server of the transfer',
    );
    const script = `nc -d -w 20 ${NEAR[family]} 9000 | sha256sum; sha256sum <'${file}'`;
    const sums = (await lab.client().must(['sh', '-c', script], { timeoutMs: 90_000 })).trim().split('\n');
    await server.stop();
    return sums.length === 2 && sums[0] === sums[1];
  }

  /** Asks until it is so. */
  async until(ask: () => Promise<boolean>, what: string, withinMs = 120_000): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!(await ask())) {
      if (performance.now() > deadline)
        throw new Error(`${what} is not there within ${withinMs} ms\n${this.daemon?.stderr().slice(-3000)}`);
      await sleep(100);
    }
  }

  logged(event: string): string[] {
    const lines = this.daemon?.stderr().split('\n') ?? [];
    return lines.filter((line) => line.includes(`"event":"${event}"`));
  }

  async stop(): Promise<void> {
    await this.lab.stop();
  }
}

/** 203.0.N.2 and fd03:N::2 are the gateway's addresses at provider N. */
function providerOf(address: string): string {
  return (
    'abc'[Number(/^(?:::ffff:)?203\.0\.(\d)\.2$|^fd03:(\d)::2$/.exec(address)?.slice(1).find(Boolean)) - 1] ??
    address
  );
}

const WIRE = `table inet wire {
  ${[1, 2, 3].map((number) => `counter syn_${number} { }`).join('\n')}
  chain in {
    type filter hook prerouting priority -300;
    ${[1, 2, 3].map((number) => `iifname "p${number}" tcp flags & (syn | ack) == syn counter name syn_${number}`).join('\n')}
  }
}`;

/** Lines that the second has and the first has not; not those of `wan3`, which the tests have made anew. */
function added(before: string, after: string): string[] {
  const known = new Set(before.split('\n'));
  return after.split('\n').filter((line) => !known.has(line) && !line.includes('/wan3/'));
}
