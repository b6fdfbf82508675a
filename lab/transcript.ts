/**
 * What the commands print on a gateway of the lab, for the walks of docs/guide/first-gateway.md and docs/guide/operating.md: build, then
 * `node dist/lab/transcript.js`. Paths of the lab's own files are shown as those of a real gateway.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startLab } from './lab.js';
import { ensurePrivileges } from './privileges.js';

const PATHRACE = fileURLToPath(new URL('../../bin/pathrace', import.meta.url));
const SERVER = '198.51.100.1';

const CONFIG = `lan: [lan0]
routes:
  fiber: { interface: wan1, check: "ping ${SERVER}" }
  cable: { interface: wan2, check: "ping ${SERVER}" }
  lte:   { interface: wan3, use: last-resort }
services:
  - { name: everything, match: { tcp: any }, select: race }
rest: { route: fiber }
`;

/** Of the page: nothing comes back by cable any more. */
const DRILL = [
  'add table inet drill',
  'add chain inet drill in { type filter hook prerouting priority -400; }',
  'add rule inet drill in iifname wan2 drop',
];

async function main(): Promise<void> {
  ensurePrivileges();
  const lab = await startLab({
    seed: 3,
    providers: [
      { name: 'fiber', families: ['ipv4'], link: { delayMs: 12 } },
      { name: 'cable', families: ['ipv4'], link: { delayMs: 7 } },
      { name: 'lte', families: ['ipv4'], link: { delayMs: 30 } },
    ],
    servers: [{ name: 'web', ipv4: [SERVER], ipv6: [] }],
  });
  const config = join(lab.directory, 'pathrace.yaml');
  const configure = (text: string): void =>
    writeFileSync(config, `${text}control: ${lab.controlSocket}\nmemory: { store: none }\n`);
  const shown = (text: string): string =>
    text.replaceAll(config, '/etc/pathrace.yaml').replaceAll(lab.controlSocket, '/run/pathrace/control.sock');
  const env = [`PATHRACE_CONFIG=${config}`, `PATHRACE_CONTROL=${lab.controlSocket}`, 'PATHRACE_DEBUG='];
  const tell = (text: string): void => void process.stdout.write(`${shown(text)}\n`);
  const run = async (...words: string[]): Promise<void> => {
    const { code, stdout, stderr } = await lab.gateway.run(['env', ...env, PATHRACE, ...words]);
    tell(`$ pathrace ${words.join(' ')}\n${stdout}${stderr}${code === 0 ? '' : `[exit code ${code}]\n`}`);
  };
  const fetch = async (): Promise<void> => {
    const words = [
      'curl',
      '-s',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code} in %{time_total} s, connected in %{time_connect} s\n',
      `http://${SERVER}/`,
    ];
    const { stdout } = await lab.client().run(words);
    tell(`client$ curl -o /dev/null http://${SERVER}/\n${stdout}`);
  };
  try {
    await lab.server().nginx();
    configure(`${CONFIG.replace('wan2,', 'wan2, wieght: 2,')}`);
    await run('check');
    configure(CONFIG);
    await run('check');
    await run('doctor');
    const gateway = lab.gateway.spawn(['env', ...env, PATHRACE, 'gateway']);
    await gateway.waitForLine(/^ready/);
    await sleep(1500);
    tell(`$ pathrace gateway\n${gateway.stdout()}${gateway.stderr()}`);
    await run('status', '--check');
    await fetch();
    await sleep(300);
    await run('why', SERVER);
    await fetch();
    await run('status');
    await run('routes');
    await run('services');
    await run('memory');
    tell('--- cable goes silent ---');
    for (const line of DRILL) await lab.gateway.must(['nft', line]);
    await fetch();
    await run('why', `${SERVER}`, '--limit', '1');
    await sleep(22_000);
    await run('status', '--check');
    await run('routes');
    tell('--- it is back ---');
    await lab.gateway.must(['nft', 'delete table inet drill']);
    await sleep(20_000);
    await run('status', '--check');
    tell('--- drain ---');
    await run('drain', 'cable');
    await run('routes');
    await run('status', '--check');
    await run('undrain', 'cable');
    tell('--- a changed file ---');
    configure(CONFIG.replace('use: last-resort', 'use: last-resort, cost: 8/GB'));
    await run('check', '--diff');
    await run('reload');
    tell('--- all are silent ---');
    for (const name of ['fiber', 'cable', 'lte']) await lab.link(name).set({ blackhole: true });
    await sleep(25_000);
    await run('status', '--check');
    for (const name of ['fiber', 'cable', 'lte']) await lab.link(name).set({ blackhole: false });
    tell('--- the daemon is killed ---');
    gateway.signal('SIGKILL');
    await sleep(800);
    await run('status', '--check');
    await fetch();
    await run('cleanup');
  } finally {
    await lab.stop();
  }
}

await main();
