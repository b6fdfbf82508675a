/** What becomes of mwan3's sections, read back by the loader of a gateway. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { noteLine } from '../../src/cli/convert/yaml.js';
import type { CheckTarget } from '../../src/model/config.js';
import { PathraceError } from '../../src/model/errors.js';
import { convert, interfaces, NETWORK, policy, type Result, rule } from './convert-tools.js';

const ALL = { proto: 'all', use_policy: 'p', family: 'ipv4' };

/** One policy `p` over these members, one rule that uses it. */
function policyOf(members: readonly string[], more = '', options: Record<string, string> = {}): Result {
  return convert(interfaces() + policy('p', members, more) + rule('r', { ...ALL, ...options }), {
    network: NETWORK,
  });
}

function selectOf({ config }: Result, at = 0): string {
  const { criterion, routes } = config.services[at].select;
  return `${criterion} ${routes.join(' ')}`;
}

function weightsOf({ config }: Result): string {
  return config.routes.map(({ weight }) => weight).join(' ');
}

function lastOf({ config }: Result): string[] {
  return config.routes.filter(({ lastResort }) => lastResort).map(({ name }) => name);
}

/** With this rule alone, over two members of both families or of IPv4 alone. */
function ruleOf(options: Record<string, string>, both = false): Result {
  const six = both ? 'config interface a6\n option enabled 1\n option family ipv6\n' : '';
  const members = ['a:1:1', 'b:2:1', ...(both ? ['a6:1:1'] : [])];
  return convert(interfaces() + six + policy('p', members) + rule('r', { use_policy: 'p', ...options }), {
    network: `${NETWORK}config interface a6\n option device @a\n option proto dhcpv6\n`,
  });
}

describe('policies', () => {
  it('one member: that route', () => {
    expect(selectOf(policyOf(['b:1:3']))).toBe('fixed b');
  });

  it('one metric: shares by weight, as small as they are', () => {
    const shared = policyOf(['a:1:30', 'b:1:20']);
    expect([selectOf(shared), weightsOf(shared)]).toEqual(['weighted a b', '3 2 1 1']);
  });

  it('equal weights: turns, which need no weights', () => {
    const even = policyOf(['a:1:7', 'b:1:7', 'c:1:7']);
    expect([selectOf(even), weightsOf(even)]).toEqual(['round-robin a b c', '1 1 1 1']);
  });

  it('metrics: the order, whatever the order of the file', () => {
    expect(selectOf(policyOf(['a:3:1', 'b:1:1', 'c:2:1']))).toBe('priority b c a');
  });

  it('shares before one that only helps out: a last resort', () => {
    const mixed = policyOf(['b:1:3', 'a:1:2', 'c:2:1']);
    expect([selectOf(mixed), weightsOf(mixed), lastOf(mixed)]).toEqual(['weighted b a c', '2 3 1 1', ['c']]);
    expect(mixed.told).toEqual([]);
  });

  it('shares behind one that goes first, where nothing speaks against it', () => {
    const mixed = policyOf(['a:1:1', 'c:2:3', 'd:2:1']);
    expect([selectOf(mixed), lastOf(mixed)]).toEqual(['weighted a c d', ['c', 'd']]);
  });

  it('not where another policy needs it in front: then the order alone, and that is said', () => {
    const text = interfaces() + policy('p', ['a:1:3', 'b:1:2', 'c:2:1']) + policy('q', ['c:1:1', 'a:2:1']);
    const found = convert(text + rule('r', ALL) + rule('s', { ...ALL, use_policy: 'q' }), {
      network: NETWORK,
    });
    expect([selectOf(found), selectOf(found, 1), lastOf(found)]).toEqual([
      'priority a b c',
      'priority c a',
      [],
    ]);
    expect(found.told).toEqual(['21 policy p: policy differs']);
  });

  it('three groups of which one shares: the order alone', () => {
    expect(selectOf(policyOf(['a:1:1', 'b:2:1', 'c:2:5', 'd:3:1']))).toBe('priority a c b d');
  });

  it('shares of several policies, as long as one weight fits all', () => {
    const two = (members: readonly string[]): Result =>
      convert(
        interfaces() +
          policy('p', ['a:1:3', 'b:1:2']) +
          policy('q', members) +
          rule('r', ALL) +
          rule('s', { ...ALL, use_policy: 'q' }),
        { network: NETWORK },
      );
    expect(weightsOf(two(['b:1:4', 'c:1:1']))).toBe('6 4 1 1');
    expect(two(['a:1:6', 'b:1:4', 'c:1:1']).told).toEqual([]);
    expect(two(['a:1:2', 'b:1:3']).told).toEqual(['28 policy q: policy differs']);
    expect(weightsOf(two(['a:1:2', 'b:1:3']))).toBe('3 2 1 1');
  });

  it('weights that fit no weight of ours are rounded, and that is said', () => {
    const far = convert(
      interfaces() +
        policy('p', ['a:1:999', 'b:1:1000']) +
        policy('q', ['b:1:1', 'c:1:1000']) +
        rule('r', ALL) +
        rule('s', { ...ALL, use_policy: 'q' }),
      { network: NETWORK },
    );
    expect(weightsOf(far)).toBe('1 1 1000 1');
    expect(far.told).toEqual(['17 policy p: policy differs']);
  });

  it('what mwan3 leaves out is left out', () => {
    const found = policyOf(['a:1:1', 'b:300:1', 'none:1:1'], ' list use_member nobody\n');
    expect(selectOf(found)).toBe('fixed a');
    expect(found.told).toEqual(['15 member p_1: metric unused', '22 policy p: use_member unused']);
  });

  it.each([
    ['unreachable', []],
    ['blackhole', ['20 policy p: last_resort differs']],
    ['default', ['20 policy p: last_resort differs']],
  ])('last_resort %s', (word, told) => {
    expect(policyOf(['a:1:1', 'b:2:1'], ` option last_resort ${word}\n`).told).toEqual(told);
  });

  it('without a member: refused by mwan3, or as the rest', () => {
    const none = (more: string): Result =>
      convert(`${interfaces()}config policy p\n${more}${rule('r', ALL)}`, { network: NETWORK });
    expect(none('').config.services).toEqual([]);
    expect(none('').told).toEqual(['12 rule r: use_policy lost']);
    expect(none(' option last_resort default\n').config.services[0].select.criterion).toBe('rest');
  });
});

describe('rules', () => {
  it('keep their order, and their own names', () => {
    const text = interfaces() + policy('p', ['a:1:1', 'b:2:1']);
    const rules = ['z', 'y', 'm'].map((name, at) =>
      rule(name, { ...ALL, proto: 'tcp', dest_port: String(at + 1) }),
    );
    const { config } = convert(text + rules.join('') + rule('', ALL), { network: NETWORK });
    expect(config.services.map(({ name }) => name)).toEqual(['z', 'y', 'm', 'rule-11']);
  });

  it.each([
    [{ proto: 'tcp', dest_port: '443' }, 'match: { tcp: [443], destination: [0.0.0.0/0] }'],
    [
      { proto: 'udp', dest_port: '80,443,8000:8999' },
      'match: { udp: [80, 443, "8000-8999"], destination: [0.0.0.0/0] }',
    ],
    [{ proto: 'tcp', dest_port: ':1023' }, 'match: { tcp: ["1-1023"], destination: [0.0.0.0/0] }'],
    [{ proto: '6' }, 'match: { tcp: any, destination: [0.0.0.0/0] }'],
    [{ proto: 'icmp' }, 'match: { protocol: icmp, destination: [0.0.0.0/0] }'],
    [{ proto: 'esp', src_ip: '10.0.0.7' }, 'match: { protocol: esp, source: [10.0.0.7/32] }'],
    [{ proto: '47', dest_ip: '10.1.2.3/8' }, 'match: { protocol: 47, destination: [10.0.0.0/8] }'],
    [{ dest_ip: '10.1.2.3/255.255.0.0' }, 'match: { destination: [10.1.0.0/16] }'],
    [{ src_ip: '10.0.0.0/24,10.0.2.0/24' }, 'match: { source: [10.0.0.0/24, 10.0.2.0/24] }'],
    [{ src_iface: 'd', dest_ip: '192.0.2.1' }, null],
    [{}, 'match: { destination: [0.0.0.0/0] }'],
  ])('%j', (options, match) => {
    const { yaml, notes } = ruleOf(options);
    if (match === null) expect(notes.filter(({ effect }) => effect === 'lost')).toHaveLength(1);
    else expect(yaml).toContain(`name: r, ${match}, select`);
  });

  it('of both families with the same routes: one service', () => {
    const text =
      interfaces('ab') +
      ['a', 'b']
        .map((name) => `config interface ${name}6\n option enabled 1\n option family ipv6\n`)
        .join('') +
      policy('p', ['a:1:1', 'b:2:1', 'a6:1:9', 'b6:2:9']) +
      rule('r', { use_policy: 'p' });
    expect(convert(text).yaml).toContain(
      'name: r, match: any, select: { criterion: priority, routes: [a, b] }',
    );
  });

  it('of both families with other routes: one for each', () => {
    const { config, yaml } = ruleOf({ proto: 'tcp' }, true);
    expect(config.services.map(({ name }) => name)).toEqual(['r-v4', 'r-v6']);
    expect(yaml).toContain('name: r-v6, match: { tcp: any, destination: ["::/0"] }, select: a');
  });

  it('sticky: the client stays, as long as it was to', () => {
    const of = (options: Record<string, string>): unknown => {
      const [{ affinity, affinityMs }] = ruleOf({ family: 'ipv4', ...options }).config.services;
      return affinity === 'none' ? affinity : [affinity, affinityMs];
    };
    expect(of({})).toBe('none');
    expect(of({ sticky: '0', timeout: '5' })).toBe('none');
    expect(of({ sticky: '1' })).toEqual(['client', 600_000]);
    expect(of({ sticky: '1', timeout: '90' })).toEqual(['client', 90_000]);
  });

  it.each([
    [{ proto: 'tcp', src_port: '1024' }, 'src_port lost'],
    [{ ipset: 'streaming' }, 'ipset lost'],
    [{ proto: 'nonsense' }, 'proto lost'],
    [{ proto: 'tcp', dest_port: 'http' }, 'dest_port lost'],
    [{ dest_ip: 'example.org' }, 'dest_ip lost'],
    [{ src_ip: '! 10.0.0.1' }, 'src_ip lost'],
    [{ src_iface: 'a name that is none' }, 'src_iface lost'],
    [{ use_policy: 'unreachable' }, 'use_policy lost'],
    [{ use_policy: 'blackhole' }, 'use_policy lost'],
    [{ use_policy: 'nobody' }, 'use_policy unused'],
    [{ use_policy: '' }, 'rule unused'],
    [{ dest_ip: '::/0', family: 'ipv4' }, 'family unused'],
  ])('%j: left out, and said', (options, told) => {
    const { config, told: found } = ruleOf({ family: 'ipv4', ...options });
    expect(config.services).toEqual([]);
    expect(found.map((line) => line.replace(/^\d+ rule r: /, ''))).toContain(told);
  });

  it('use_policy default: as the rest, which is the first default of the main table', () => {
    const network = NETWORK.replace(
      'eth-c\n option proto dhcp\n option metric 10',
      'eth-c\n option proto dhcp\n option metric 5',
    );
    const { config } = convert(interfaces() + rule('r', { use_policy: 'default' }), { network });
    expect([config.services[0].select.criterion, config.rest.route]).toEqual(['rest', 'c']);
  });

  it('ports without tcp or udp, and names that are too long, do as much as in mwan3', () => {
    expect(ruleOf({ proto: 'all', family: 'ipv4', dest_port: '80' }).yaml).toContain(
      'match: { destination: [0.0.0.0/0] }',
    );
    const long = convert(interfaces() + policy('p', ['a:1:1']) + rule('sixteen_letters_', ALL), {
      network: NETWORK,
    });
    expect([long.config.services, long.told]).toEqual([[], ['15 rule sixteen_letters_: rule unused']]);
  });

  it('more than there are services: the rest of them is said', () => {
    const rules = Array.from({ length: 70 }, (_, at) => rule(`r${at}`, ALL)).join('');
    const { config, notes } = convert(interfaces() + policy('p', ['a:1:1']) + rules, { network: NETWORK });
    expect([config.services.length, notes.filter(({ effect }) => effect === 'lost').length]).toEqual([64, 6]);
  });
});

describe('interfaces', () => {
  const checkOf = (more: string): string => {
    const { config } = convert(interfaces('ab', more), { network: NETWORK });
    const check = config.routes[0].check;
    if (check === null) return 'none';
    const { targets, intervalMs, timeoutMs, fail, recover } = check;
    const words = targets.map(
      (target: CheckTarget) => `${target.kind} ${target.address}${'port' in target ? ` ${target.port}` : ''}`,
    );
    return `${words.join(', ')}; ${intervalMs} ${timeoutMs} ${fail} ${recover}`;
  };

  it.each([
    ['', 'none'],
    [
      " list track_ip 192.0.2.1\n list track_ip '2001:db8::1'\n",
      'ping 192.0.2.1, ping 2001:db8::1; 10000 4000 5 5',
    ],
    [
      ' option track_ip "192.0.2.1 192.0.2.2"\n option down 3\n option up 2\n',
      'ping 192.0.2.1, ping 192.0.2.2; 10000 4000 3 2',
    ],
    [' list track_ip 192.0.2.1\n option interval 2\n option timeout 5\n', 'ping 192.0.2.1; 2000 2000 5 5'],
    [' list track_ip 192.0.2.1\n option track_method httping\n', 'http 192.0.2.1 80; 10000 4000 5 5'],
    [
      ' list track_ip 192.0.2.1\n option track_method httping\n option httping_ssl 1\n',
      'tcp 192.0.2.1 443; 10000 4000 5 5',
    ],
    [' list track_ip 192.0.2.1\n option track_method nping-tcp\n', 'tcp 192.0.2.1 80; 10000 4000 5 5'],
    [' list track_ip 192.0.2.1\n option track_method arping\n', 'ping 192.0.2.1; 10000 4000 5 5'],
    [' list track_ip a.example\n', 'none'],
  ])('checks: %j', (more, expected) => {
    expect(checkOf(more)).toBe(expected);
  });

  it('says what a check of ours does not look at', () => {
    const more =
      ' list track_ip 192.0.2.1\n option reliability 2\n option size 1400\n option check_quality 1\n option flush_conntrack ifdown\n option novelty 7\n';
    const { told } = convert(`config interface a\n option enabled 1\n${more}${interfaces('b')}`, {
      network: NETWORK,
    });
    expect(told.map((line) => line.replace('interface a: ', ''))).toEqual([
      '4 reliability differs',
      '4 reliability unused',
      '5 size lost',
      '6 check_quality lost',
      '7 flush_conntrack differs',
      '8 novelty lost',
    ]);
  });

  it.each([
    ['option device eth1\noption proto dhcp', 'eth1'],
    ["option ifname 'eth1 eth2'\noption proto static", 'eth1'],
    ['option ifname eth1\noption type bridge', 'br-w'],
    ['option device eth1\noption proto pppoe', 'pppoe-w'],
    ['option proto wireguard', 'w'],
    ['option device @x\noption proto dhcp', 'eth9'],
    ['option device @w\noption proto dhcp', 'w'],
    ['option device /dev/cdc-wdm0\noption proto qmi', 'w'],
    ['option proto constructor', 'w'],
  ])('the device of %j', (options, device) => {
    const network = `config interface w\n${options}\nconfig interface x\noption device eth9\n${NETWORK}`;
    expect(convert(interfaces('wab'), { network }).config.routes[0].interface).toBe(device);
  });

  it('the LAN is what has an address of its own and is no uplink; what is named goes first', () => {
    const network = `config interface loopback\n option device lo\n option proto static\nconfig interface lan\n option device br-lan\n option proto static\nconfig interface a\n option device eth-a\n option proto static\n`;
    expect(convert(interfaces(), { network, lan: [] }).yaml).toContain('lan: [br-lan, local]');
    expect(convert(interfaces(), { network, lan: ['eth7'] }).yaml).toContain('lan: [eth7, local]');
    expect(convert(interfaces(), { lan: [] }).told).toContain('1 lan: not differs');
  });

  it('two of one device are one route', () => {
    const text = `${interfaces('a')}config interface a6\n option enabled 1\n option family ipv6\n${interfaces('b')}`;
    expect(convert(text).config.routes.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('names that mean something else here are changed', () => {
    const text = `${['rest', 'race', 'hash'].map((name) => `config interface ${name}\n option enabled 1\n`).join('')}`;
    expect(convert(text).config.routes.map(({ name }) => name)).toEqual(['rest-1', 'race-1', 'hash-1']);
  });

  it('fewer than two that are enabled: nothing is converted, unless all are wanted', () => {
    const text = `${interfaces('a')}config interface b\n option enabled 0\nconfig interface c\n`;
    expect(() => convert(text)).toThrow(PathraceError);
    expect(convert(text, { disabled: true }).config.routes.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });
});

describe('docs/guide/from-mwan3.md', () => {
  const page = readFileSync(new URL('../../docs/guide/from-mwan3.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/^```\w*\n(.*?)^```$/gms)].map(([, text = '']) => text);
  const block = (begin: string): string => blocks.find((text) => text.startsWith(begin)) ?? '';

  it('shows what its example becomes, and what is said of it', () => {
    const network = `config interface lan\n option device br-lan\n option proto static\n${['wan', 'wanb']
      .map((name, at) => `config interface ${name}\n option device eth${at + 1}\n option proto dhcp\n`)
      .join('')}`;
    const { yaml, notes } = convert(block('config interface'), { network, lan: [] });
    expect(yaml.slice(yaml.indexOf('lan:'))).toBe(block('lan:'));
    expect(`mwan3: ${notes.map(noteLine).join()}`).toBe(block('mwan3: line').split('\n')[0]);
  });
});
