/**
 * What the commands print on a gateway of the lab, for the walks of docs/guide/first-gateway.md and docs/guide/operating.md: build, then
 * `node dist/lab/transcript.js` shows it, and with `--write` puts it into the pages, behind the lines `[walk]: # (LABEL)`, which nobody sees.
 * Paths of the lab's own files are shown as those of a real gateway.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startLab } from './lab.js';
import { ensurePrivileges } from './privileges.js';

const ROOT = new URL('../../', import.meta.url);
const PATHRACE = fileURLToPath(new URL('bin/pathrace', ROOT));
const PAGES = ['docs/guide/first-gateway.md', 'docs/guide/operating.md'];
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

/** Lines of a long output that are left out. BOUNDED: labels of the pages. */
const SHORTENED: Readonly<Record<string, (lines: readonly string[]) => readonly string[]>> = {
  doctor: (lines) => {
    const set = lines.findIndex((line) => line.startsWith('gateway sets it'));
    return [...lines.slice(0, 9), '…', ...lines.slice(set, set + 2), '…', ...lines.slice(-1)];
  },
  // The log follows.
  gateway: (lines) => lines.slice(0, 2),
};

async function record(): Promise<ReadonlyMap<string, string>> {
  const lab = await startLab({
    seed: 3,
    providers: [
      { name: 'fiber', families: ['ipv4'], link: { delayMs: 12 } },
      { name: 'cable', families: ['ipv4'], link: { delayMs: 7 } },
      { name: 'lte', families: ['ipv4'], link: { delayMs: 30 } },
    ],
    servers: [{ name: 'web', ipv4: [SERVER], ipv6: [] }],
  });
  const outputs = new Map<string, string>(); // BOUNDED: labels of the pages.
  const config = join(lab.directory, 'pathrace.yaml');
  const configure = (text: string): void =>
    writeFileSync(config, `${text}control: ${lab.controlSocket}\nmemory: { store: none }\n`);
  const env = [`PATHRACE_CONFIG=${config}`, `PATHRACE_CONTROL=${lab.controlSocket}`];
  const tell = (label: string, text: string): void => {
    const shown = text
      .replaceAll(config, '/etc/pathrace.yaml')
      .replaceAll(lab.controlSocket, '/run/pathrace/control.sock');
    const lines = (SHORTENED[label] ?? ((all) => all))(shown.trimEnd().split('\n'));
    const before = outputs.get(label);
    outputs.set(label, `${before === undefined ? '' : `${before}\n\n`}${lines.join('\n')}`);
    process.stdout.write(`--- ${label}\n${lines.join('\n')}\n`);
  };
  const run = async (label: string, ...words: string[]): Promise<void> => {
    const { code, stdout, stderr } = await lab.gateway.run(['env', ...env, PATHRACE, ...words]);
    tell(
      label,
      `$ pathrace ${words.join(' ')}\n${stdout}${stderr}${code === 0 ? '' : `[exit code ${code}]\n`}`,
    );
  };
  const fetch = async (label: string): Promise<void> => {
    const format = '%{http_code} in %{time_total} s, connected in %{time_connect} s\n';
    const { stdout } = await lab
      .client()
      .run(['curl', '-s', '-m', '20', '-o', '/dev/null', '-w', format, `http://${SERVER}/`]);
    tell(label, `client$ curl http://${SERVER}/\n${stdout}`);
  };
  const names = ['fiber', 'cable', 'lte'];
  try {
    await lab.server().nginx();
    configure(CONFIG.replace('wan2,', 'wan2, wieght: 2,'));
    await run('check-bad', 'check');
    configure(CONFIG);
    await run('check', 'check');
    await run('doctor', 'doctor');
    const gateway = lab.gateway.spawn(['env', ...env, PATHRACE, 'gateway']);
    await gateway.waitForLine(/^ready/);
    tell('gateway', `$ pathrace gateway\n${gateway.stdout()}`);
    await sleep(6000);
    await run('ok', 'status', '--check');
    await fetch('curl');
    await sleep(500);
    await run('why', 'why', SERVER);
    // Every route has been heard, or was silent for two seconds.
    await sleep(2500);
    await fetch('curl-remembered');
    await run('memory', 'memory');
    await run('services', 'services');
    await run('status', 'status');
    for (const line of DRILL) await lab.gateway.must(['nft', line]);
    await fetch('curl-silent');
    await run('why-silent', 'why', SERVER, '--limit', '1');
    await sleep(25_000);
    await run('check-silent', 'status', '--check');
    await run('check-silent', 'routes');
    await lab.gateway.must(['nft', 'delete table inet drill']);
    await sleep(25_000);
    await run('check-back', 'status', '--check');
    await run('drain', 'drain', 'cable');
    await run('drain', 'routes');
    await run('undrain', 'undrain', 'cable');
    configure(CONFIG.replace('use: last-resort', 'use: last-resort, cost: 8/GB'));
    await run('diff', 'check', '--diff');
    await run('reload', 'reload');
    for (const name of names) await lab.link(name).set({ blackhole: true });
    await sleep(30_000);
    await run('all-down', 'status', '--check');
    for (const name of names) await lab.link(name).set({ blackhole: false });
    await sleep(25_000);
    gateway.signal('SIGKILL');
    await sleep(1000);
    await run('killed', 'status', '--check');
    await fetch('curl-killed');
    await run('cleanup', 'cleanup');
  } finally {
    await lab.stop();
  }
  return outputs;
}

/** Puts each output into the block behind its line. */
function write(outputs: ReadonlyMap<string, string>): void {
  for (const path of PAGES) {
    const file = new URL(path, ROOT);
    const page = readFileSync(file, 'utf8').replace(
      /^(\[walk\]: # \(([a-z-]+)\)\n\n)```\w*\n.*?\n```$/gms,
      (block, line: string, label: string) => {
        const output = outputs.get(label);
        return output === undefined ? block : `${line}\`\`\`\n${output}\n\`\`\``;
      },
    );
    writeFileSync(file, page);
  }
}

ensurePrivileges();
const outputs = await record();
if (process.argv.includes('--write')) write(outputs);
