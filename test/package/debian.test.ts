/** The Debian package in a fresh Debian 12 without a network: installed, used, carrying traffic, upgraded, removed, purged. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Connector, type Lab, type RunResult, startLab, type Task } from '../../lab/index.js';
import { connectMs, NEAR, NEAR6 } from '../lab/support/gateway-lab.js';
import { FreshRoot, packages } from './fresh-root.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const built = packages(version);
const CONFIG = '/etc/pathrace.yaml';
const HELD = 20;
const READY_MS = 60_000;

let root: FreshRoot;
let before: string[];
let lab: Lab;
let daemon: Task;
let held: Connector;

beforeAll(async () => {
  root = new FreshRoot();
  before = root.paths();
  root.take(built.file, '/root/pathrace.deb');
  root.take(built.next, '/root/next.deb');
  lab = await startLab({
    providers: [
      { name: 'a', link: { delayMs: 30 } },
      { name: 'b', link: { delayMs: 5 } },
    ],
    servers: [{ name: 'near' }],
  });
  await lab.server().echo({ ports: [7] });
});

afterAll(async () => {
  await lab?.stop();
  root?.remove();
});

/** On the gateway's machine, whose root file system is the fresh Debian. */
function there(...command: string[]): Promise<RunResult> {
  return lab.gateway.run(root.inside(command), { timeoutMs: 60_000 });
}

async function startThere(): Promise<void> {
  daemon = lab.gateway.spawn(root.inside(['pathrace', 'gateway']));
  await daemon.waitForLine(/^ready/, READY_MS);
}

/** New connections, IPv4 and IPv6, each raced; how many SYNs left by each provider. */
async function connectNew(count: number): Promise<number[]> {
  const syns = async (): Promise<number[]> =>
    Promise.all(['a', 'b'].map(async (name) => (await lab.wire.of(name)).out.kinds.syn ?? 0));
  const earlier = await syns();
  const targets = [NEAR, NEAR6].map((address) => ({ address, port: 7 }));
  const results = await lab.client().connect({ targets, count, concurrency: 1, bytes: 2000 });
  expect(connectMs(results)).toHaveLength(count);
  return (await syns()).map((now, at) => now - earlier[at]);
}

test('it is the same to the byte when it is built again', () => {
  expect(readFileSync(built.file).equals(readFileSync(built.again))).toBe(true);
  process.stdout.write(`size: ${(statSync(built.file).size / 1e6).toFixed(1)} MB\n`);
});

test('lintian finds no error and no warning that is not explained', () => {
  const { stdout } = spawnSync('lintian', ['--allow-root', built.file], { encoding: 'utf8' });
  expect(stdout).toBe('');
});

test('it is installed, and nothing is started', () => {
  const { status, stdout, stderr } = root.alone(['dpkg', '-i', '/root/pathrace.deb']);
  expect([status, stderr, stdout]).toEqual([0, '', expect.stringContaining('nothing was started')]);
  expect(existsSync(root.at(CONFIG))).toBe(false);
  expect(root.alone(['dpkg', '--verify', 'pathrace']).stdout).toBe('');
  for (const file of [
    '/usr/lib/systemd/system/pathrace.service',
    '/usr/share/man/man8/pathrace.8.gz',
    '/usr/share/bash-completion/completions/pathrace',
    '/usr/share/zsh/vendor-completions/_pathrace',
    '/usr/share/fish/vendor_completions.d/pathrace.fish',
    '/usr/share/doc/pathrace/copyright',
    '/usr/share/doc/pathrace/docs/configuration.md',
  ])
    expect([file, existsSync(root.at(file))]).toEqual([file, true]);
  // Nobody has enabled it.
  expect(root.paths().filter((path) => /\.wants\/pathrace/.test(path))).toEqual([]);
});

test.runIf(existsSync('/usr/bin/systemd-analyze'))('its service may do little besides', () => {
  const unit = root.at('usr/lib/systemd/system/pathrace.service');
  // What docs/guide/installing.md says, in tenths.
  const options = ['security', '--offline=true', '--no-pager', '--threshold=21', unit];
  const { status, stdout } = spawnSync('systemd-analyze', options, { encoding: 'utf8' });
  expect([status, stdout.trim().split('\n').at(-1)]).toEqual([0, expect.stringContaining('2.1')]);
});

test('its commands work there, and need no other Node', async () => {
  const node = root.alone(['sh', '-c', 'command -v node nodejs']);
  expect(node.stdout).toBe('');
  expect(root.alone(['pathrace', '--version']).stdout).toBe(`${version}\n`);
  const examples = '/usr/share/doc/pathrace/examples/pathrace.yaml';
  expect(root.alone(['pathrace', 'check', examples])).toMatchObject({ status: 0, stderr: '' });
  expect(root.alone(['pathrace', 'check'])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('E_CONFIG_UNREADABLE'),
  });
  // It has no lab.
  expect(root.alone(['pathrace', 'demo']).stderr).toContain('unknown command');
  const complete = `. /usr/share/bash-completion/completions/pathrace; COMP_WORDS=(pathrace st); COMP_CWORD=1; _pathrace; echo "$COMPREPLY"`;
  expect(root.alone(['bash', '-c', complete]).stdout).toBe('status\n');
  const doctor = await there('pathrace', 'doctor');
  expect([doctor.code, doctor.stdout]).toEqual([0, expect.stringContaining('A gateway can run here.')]);
});

test('a gateway of what init has written carries traffic, raced', async () => {
  const init = await there('pathrace', 'init', '--yes', '--output', CONFIG);
  expect([init.code, init.stdout]).toEqual([0, expect.stringContaining('systemctl enable --now pathrace')]);
  expect((await there('pathrace', 'check')).stdout).toContain('ok, 2 routes');
  expect((await there('pathrace', 'doctor')).code).toBe(0);
  // Each connection is raced, so that the wire shows whether the gateway works.
  appendFileSync(root.at(CONFIG), '# mine\nmemory: { trust: 0s }\n');
  await startThere();
  expect(await connectNew(10)).toEqual([10, 10]);
  const status = await there('pathrace', 'status', '--check');
  expect([status.code, status.stdout]).toEqual([0, expect.stringContaining('2 of 2 routes up')]);
});

test('an upgrade keeps the configuration and every connection that lives', async () => {
  const targets = [NEAR, NEAR6].map((address) => ({ address, port: 7 }));
  held = lab.client().connector();
  connectMs(await held.run({ targets, count: HELD, bytes: 500, hold: true }));
  const config = readFileSync(root.at(CONFIG), 'utf8');
  const upgraded = await there('dpkg', '-i', '/root/next.deb');
  expect([upgraded.code, upgraded.stderr]).toEqual([0, '']);
  expect(await held.check()).toEqual({ held: HELD, ok: HELD, errors: {} });
  expect(await runningVersion()).toBe(version);
  // As `systemctl restart` ends it; there is no systemd here, scripts/systemd.mjs has one.
  daemon.signal('SIGQUIT');
  expect((await daemon.done).code).toBe(0);
  await startThere();
  expect(await held.check()).toEqual({ held: HELD, ok: HELD, errors: {} });
  expect(await connectNew(4)).toEqual([4, 4]);
  expect(await runningVersion()).toBe(`${version}+next`);
  expect(readFileSync(root.at(CONFIG), 'utf8')).toBe(config);
  expect(config).toContain('# mine');
  await held.stop();
});

async function runningVersion(): Promise<string> {
  return (JSON.parse((await there('pathrace', 'status', '--json')).stdout) as { version: string }).version;
}

test('a removal takes what a gateway that was killed has left in the kernel, and keeps what is the operator’s', async () => {
  daemon.signal('SIGKILL');
  await daemon.done;
  expect(await lab.gateway.must(['nft', 'list', 'tables'])).toContain('inet pathrace');
  const removed = await there('dpkg', '-r', 'pathrace');
  expect([removed.code, removed.stderr]).toEqual([0, '']);
  expect(await lab.gateway.must(['nft', 'list', 'tables'])).not.toContain('pathrace');
  expect(await lab.gateway.must(['ip', 'rule'])).not.toMatch(/proto(col)? 82/);
  const left = root.paths().filter((path) => /pathrace/.test(path) && !/\.deb$/.test(path));
  expect(
    left.filter((path) => !/^(etc\/pathrace\.yaml|(run|var\/lib)\/pathrace(\/.*)?)$/.test(path)),
  ).toEqual([]);
  expect(existsSync(root.at(CONFIG))).toBe(true);
});

test('a purge leaves nothing', async () => {
  const purged = await there('dpkg', '-P', 'pathrace');
  expect([purged.code, purged.stderr]).toEqual([0, '']);
  const after = root.paths().filter((path) => !/^root\/\w+\.deb$/.test(path));
  expect(after.filter((path) => !before.includes(path))).toEqual([]);
  expect(before.filter((path) => !after.includes(path))).toEqual([]);
});
