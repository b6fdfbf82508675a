/**
 * What the goldens promise, done to a real kernel: applied, applied again, changed, removed. Each run has a network
 * namespace of its own. Runs the compiled program: `npm run build` first.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CleanupReport } from '../../src/kernel/cleanup.js';
import type { DesiredState } from '../../src/kernel/desired.js';
import { renderNft } from '../../src/kernel/render.js';
import { config, STATES, THREE_ROUTES } from '../golden/states.js';
import { runIn } from './support/namespace.js';

const DIST = new URL('../../dist/src/', import.meta.url).href;
const NAMESPACE = `pr-state-${process.pid}`;

const inside = (command: readonly string[], input = ''): string => runIn(NAMESPACE, command, input);

const sh = (script: string): string => inside(['bash', '-euc', script]);

/** Runs a piece of the compiled program in the namespace, given `input`; what it returns comes back. */
function run<T>(body: string, input: unknown): T {
  const script = `
    import { readFileSync } from 'node:fs';
    const load = (path) => import('${DIST}' + path);
    const input = JSON.parse(readFileSync(0, 'utf8'));
    const result = await (async () => { ${body} })();
    process.stdout.write('\\n' + JSON.stringify(result ?? null));
  `;
  const out = inside([process.execPath, '--input-type=module', '-e', script], JSON.stringify(input));
  return JSON.parse(out.slice(out.lastIndexOf('\n') + 1)) as T;
}

/** Chains, sets and maps of a listing, in an order of their own: what was gone comes back at the end. */
const parts = (text: string): string[] =>
  text
    .replace(/^\}$/gm, '')
    .split('\n\n')
    .map((part) => part.trim())
    .sort();

let applied: DesiredState | null = null;

/** As the daemon does: from the state before to this one, by those in between that were never swept. */
const apply = (state: DesiredState, ...between: readonly DesiredState[]): void => {
  run(
    `const { applyIpState, detectAbilities } = await load('kernel/apply.js');
     const { Ruleset } = await load('kernel/ruleset.js');
     const { abilities: { queue: method } } = await detectAbilities();
     const states = input.map((one) => ({ ...one, queue: { ...one.queue, method } }));
     const rules = new Ruleset();
     await applyIpState(states.at(-1), true);
     for (const state of states) await rules.declare(state);
     const why = await rules.sweep();
     if (why !== null) throw new Error(why);`,
    [...(applied === null ? [] : [applied]), ...between, state],
  );
  applied = state;
};

/** The first step alone. */
const declare = (state: DesiredState, before: DesiredState): void => {
  run(
    `const { applyNftState, detectAbilities } = await load('kernel/apply.js');
     const { abilities: { queue: method } } = await detectAbilities();
     const [state, before] = input.map((one) => ({ ...one, queue: { ...one.queue, method } }));
     const replacement = { isNew: false, settings: null };
     await applyNftState(state, before, replacement);
     if (replacement.isNew) throw new Error('the table is a new one');`,
    [state, before],
  );
};

/** Names of sets and maps. */
const sets = (): string[] =>
  [...sh('nft -t list table inet pathrace').matchAll(/^\t(?:set|map) (\S+) \{/gm)]
    .map(([, name]) => name)
    .sort();

/** What would still have to be changed. */
const differences = (state: DesiredState): string[] =>
  run(
    `const { currentIp, desiredIp, ipChanges } = await load('kernel/ip-state.js');
     const { runCommand } = await load('kernel/command.js');
     const lines = [];
     for (const [family, flag] of [['ipv4', '-4'], ['ipv6', '-6']]) {
       const rules = await runCommand('ip', ['-j', flag, 'rule', 'show']);
       const routes = await runCommand('ip', ['-j', flag, 'route', 'show', 'table', 'all', 'proto', '82']);
       lines.push(...ipChanges(currentIp(rules, routes, family), desiredIp(input, family)));
     }
     return lines;`,
    state,
  );

const applySettings = (yaml: string): { path: string }[] =>
  run(
    `const { applySettings, desiredSettings } = await load('kernel/sysctl.js');
     return applySettings(desiredSettings(input));`,
    config(yaml),
  );

const remove = (): CleanupReport =>
  run(`const { removeState } = await load('kernel/cleanup.js'); return removeState();`, null);

/** Everything that a gateway may touch, as text. */
function everything(): string {
  return sh(`
    nft list ruleset
    for f in -4 -6; do ip $f rule show; ip $f route show table all; done
    grep -rH . /proc/sys/net/ipv4 /proc/sys/net/ipv6 /proc/sys/net/netfilter 2>/dev/null |
      grep -vE '/(nf_conntrack_count|stable_secret|route/flush|nf_conntrack_buckets)|fib_multipath_hash_seed|tcp_fastopen_key|tcp_available'
  `);
}

/** The ruleset without counters, handles and timeouts. */
const ruleset = (): string =>
  sh('nft list ruleset')
    .replace(/packets \d+ bytes \d+/g, '')
    .replace(/expires \S+/g, '');

const LINKS = `
  ip link set lo up
  for n in lan0 lan1 wan1 wan2 wan3; do
    ip link add $n type veth peer name p-$n
    for l in $n p-$n; do sysctl -qw net.ipv6.conf.$l.accept_dad=0 net.ipv6.conf.$l.addr_gen_mode=1; done
    ip link set $n up; ip link set p-$n up
  done
  ip addr add 192.168.1.1/24 dev lan0
  for i in 1 2 3; do ip addr add 203.0.$i.2/24 dev wan$i; ip -6 addr add fd03:$i::2/64 dev wan$i nodad; done
  ip -4 rule add from 10.9.0.0/16 lookup 77 priority 90
  ip -4 route add default via 203.0.2.1 dev wan2
  nft add table inet somebody
  nft add chain inet somebody c '{ type filter hook forward priority 0; }'
`;

beforeAll(() => {
  spawnSync('ip', ['netns', 'add', NAMESPACE]);
});

afterAll(() => {
  spawnSync('ip', ['netns', 'delete', NAMESPACE]);
});

/** A namespace as new. */
function fresh(script = LINKS): void {
  spawnSync('ip', ['netns', 'delete', NAMESPACE]);
  expect(spawnSync('ip', ['netns', 'add', NAMESPACE]).status).toBe(0);
  sh(script);
}

describe('nft', () => {
  const golden = new URL('../golden/', import.meta.url);
  const files = readdirSync(golden).filter((name) => name.endsWith('.nft'));

  it.each(files)('takes %s', (name) => {
    const text = readFileSync(new URL(name, golden), 'utf8');
    const check = (input: string) =>
      spawnSync('ip', ['netns', 'exec', NAMESPACE, 'nft', '-c', '-f', '-'], { input, encoding: 'utf8' });
    const whole = check(text);
    if (whole.status === 0) return;
    // A kernel without nft_queue refuses exactly the rules that queue; everything else must do.
    const refused = [...whole.stderr.matchAll(/^add rule .*$/gm)].map(([line]) => line);
    expect(
      refused.every((line) => line.includes('queue flags bypass')),
      whole.stderr,
    ).toBe(true);
    const rest = check(text.replace(/^add rule .* queue flags bypass .*\n/gm, ''));
    expect(rest.stderr).toBe('');
  });
});

describe('a state', () => {
  beforeAll(() => fresh());

  it('is reached, and reaching it again changes nothing', () => {
    const state = STATES['three-routes'];
    apply(state);
    expect(differences(state)).toEqual([]);
    const before = ruleset();
    apply(state);
    expect(differences(state)).toEqual([]);
    expect(ruleset()).toBe(before);
  });

  it('leads to another one and back', () => {
    const home = ruleset();
    for (const name of ['three-routes-a-down', 'untranslated', 'fixed-route', 'pools', 'three-routes']) {
      const state = STATES[name];
      apply(state);
      expect(differences(state), name).toEqual([]);
    }
    expect(parts(ruleset())).toEqual(parts(home));
  });

  it('keeps its sets through a change', () => {
    sh('nft add element inet pathrace reset4 { 192.168.1.10 . 40000 . 198.51.100.7 . 443 }');
    apply(STATES['three-routes-a-down']);
    expect(sh('nft list set inet pathrace reset4')).toContain('192.168.1.10 . 40000');
  });

  it('leaves the sets and maps of the one before until it is swept, also where it is overtaken', () => {
    const [many, few] = [STATES.services, STATES['three-routes']];
    apply(few);
    const [home, objects] = [ruleset(), sets()];
    apply(many);
    const all = sets();
    sh('nft add element inet pathrace memory4_e { 198.51.100.7 timeout 1h : 0x01000001 }');
    declare(few, many);
    expect(sets()).toEqual(all);
    expect(sh('nft list map inet pathrace memory4_e')).toContain('198.51.100.7');
    // A daemon that knows nothing of what the one before has left undone.
    applied = null;
    apply(few);
    expect(sets()).toEqual(objects);
    apply(many, few, STATES.pools);
    expect(sets()).toEqual(all);
    apply(few, many, STATES['services-a-suspect']);
    expect(sets()).toEqual(objects);
    expect(parts(ruleset())).toEqual(parts(home));
  });

  it('takes over what another daemon has left, chains too', () => {
    sh(`nft add map inet pathrace memory4_30 '{ type ipv4_addr : mark; flags timeout; }'
        nft add chain inet pathrace service_99
        nft add chain inet pathrace take4_99
        nft add rule inet pathrace service_99 meta mark set ip daddr map @memory4_30 goto take4_99
        nft add counter inet pathrace forgotten`);
    const kept = STATES['three-routes'];
    applied = null;
    apply(kept);
    expect(ruleset()).not.toMatch(/memory4_30|_99|forgotten/);
    expect(differences(kept)).toEqual([]);
  });

  it('comes back after an interface was away', () => {
    const state = STATES['three-routes'];
    sh('ip link set wan2 down; ip link set wan2 up; ip -4 addr show wan2');
    apply(state);
    expect(differences(state)).toEqual([]);
  });

  it('takes a next hop of the other family (RFC 8950)', () => {
    const [a, ...others] = STATES['two-routes'].routes;
    const route = { ...a, ipv4: { addresses: ['203.0.1.2'], gateway: 'fe80::1' } };
    const state = { ...STATES['two-routes'], routes: [route, ...others] };
    expect(() => apply(state)).not.toThrow();
    expect(differences(state)).toEqual([]);
  });
});

describe('what an older version left', () => {
  /** As versions before it had it: its chain of unanswered flows was called `again`. */
  const older = (state: DesiredState): string =>
    renderNft(state)
      .replaceAll('unanswered', 'again')
      .replace(/^add rule .* queue flags bypass .*\n/gm, '');

  it('is taken over with its elements, and leaves nothing that packets still pass', () => {
    fresh();
    const state = STATES.services;
    inside(['nft', '-f', '-'], older(state));
    sh('nft add element inet pathrace reset4 { 192.168.1.10 . 40000 . 198.51.100.7 . 443 }');
    expect(sh('nft list chain inet pathrace lan')).toContain('goto again');
    applied = null;
    apply(state);
    expect(sh('nft list set inet pathrace reset4')).toContain('192.168.1.10 . 40000');
    expect(sh('nft list table inet pathrace')).not.toMatch(/(goto|jump) again/);
    expect(sh('nft list chain inet pathrace lan')).toContain('goto unanswered');
    // And goes on from there as from a table of its own.
    apply(STATES['services-a-suspect']);
    apply(STATES['two-routes']);
    apply(state);
    expect(sh('nft list set inet pathrace reset4')).toContain('192.168.1.10 . 40000');
    expect(remove().removed).toContain('nft table inet pathrace');
    applied = null;
  });
});

describe('everything', () => {
  it('is as before once it is removed', () => {
    fresh();
    const before = everything();
    expect(applySettings(THREE_ROUTES)).toEqual([]);
    apply(STATES['three-routes']);
    const during = everything();
    expect(during).not.toBe(before);
    // Starting again over what runs records nothing anew.
    expect(applySettings(THREE_ROUTES)).toEqual([]);
    apply(STATES.pools);
    apply(STATES['three-routes']);
    const report = remove();
    expect(report.removed).toContain('nft table inet pathrace');
    expect(everything()).toBe(before);
    expect(remove().removed).toEqual([]);
  });

  it('is as before also where settings were unusual', () => {
    fresh(`${LINKS}
      sysctl -qw net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.wan1.rp_filter=1
      sysctl -qw net.ipv4.ip_local_reserved_ports=8080,9000-9010 net.ipv4.ip_local_port_range='40000 50000'
      sysctl -qw net.ipv6.conf.wan1.accept_ra=1 net.netfilter.nf_conntrack_udp_timeout=30
    `);
    const before = everything();
    expect(applySettings(THREE_ROUTES)).toEqual([]);
    apply(STATES['three-routes']);
    remove();
    expect(everything()).toBe(before);
  });

  it('is as before where one interface alone forwarded', () => {
    fresh(`${LINKS}
      sysctl -qw net.ipv4.conf.lan1.forwarding=1 net.ipv6.conf.lan1.forwarding=1
    `);
    const before = everything();
    applySettings(THREE_ROUTES);
    apply(STATES['three-routes']);
    remove();
    expect(everything()).toBe(before);
  });

  it('survives a long list of reserved ports', () => {
    const ports = Array.from({ length: 60 }, (_, i) => 2000 + 3 * i).join(',');
    fresh(`${LINKS}\nsysctl -qw net.ipv4.ip_local_reserved_ports=${ports}`);
    const before = everything();
    expect(applySettings(THREE_ROUTES)).toEqual([]);
    apply(STATES['three-routes']);
    expect(sh('cat /proc/sys/net/ipv4/ip_local_reserved_ports')).toContain('8192-32767');
    remove();
    expect(everything()).toBe(before);
  });

  it('leaves the LAN its reverse-path check', () => {
    fresh(`${LINKS}\nsysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.lan0.rp_filter=0`);
    applySettings(THREE_ROUTES);
    expect(sh('cat /proc/sys/net/ipv4/conf/lan0/rp_filter').trim()).toBe('1');
  });
});
