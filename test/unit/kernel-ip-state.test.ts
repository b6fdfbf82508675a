import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { currentIp, desiredIp, type IpState, ipChanges } from '../../src/kernel/ip-state.js';
import { STATES } from '../golden/states.js';

/** What `ip -j` (6.1) says after three-routes.ip, among rules and routes of other people. */
const RULES4 = `[{"priority":0,"src":"all","table":"local"},
  {"priority":90,"src":"10.0.0.0","srclen":8,"table":"99"},
  {"priority":20500,"src":"all","oif":"lan0","table":"main","suppress_prefixlen":0,"protocol":"82"},
  {"priority":20500,"src":"all","fwmark":"0","fwmask":"0x40000000","table":"main","suppress_prefixlen":0,"protocol":"82"},
  {"priority":20501,"src":"all","fwmark":"0x1000000","fwmask":"0x1f000000","table":"20501","protocol":"82"},
  {"priority":20502,"src":"all","fwmark":"0x2000000","fwmask":"0x1f000000","table":"20502","protocol":"82"},
  {"priority":20503,"src":"all","fwmark":"0x3000000","fwmask":"0x1f000000","table":"20503","protocol":"82"},
  {"priority":20517,"src":"all","fwmark":"0x80000000","fwmask":"0xa0000000","table":"20517","protocol":"82"},
  {"priority":20531,"src":"all","fwmark":"0x1000000","fwmask":"0x1f000000","action":"blackhole","protocol":"82"},
  {"priority":20531,"src":"all","fwmark":"0x2000000","fwmask":"0x1f000000","action":"blackhole","protocol":"82"},
  {"priority":20531,"src":"all","fwmark":"0x3000000","fwmask":"0x1f000000","action":"blackhole","protocol":"82"},
  {"priority":20533,"src":"all","fwmark":"0x1f000000","fwmask":"0x1f000000","action":"blackhole","protocol":"82"},
  {"priority":20534,"src":"203.0.1.2","table":"20501","protocol":"82"},
  {"priority":20535,"src":"203.0.2.2","table":"20502","protocol":"82"},
  {"priority":20536,"src":"203.0.3.2","table":"20503","protocol":"82"},
  {"priority":32766,"src":"all","table":"main"},{"priority":32767,"src":"all","table":"default"}]`;
const ROUTES4 = `[{"dst":"default","gateway":"203.0.1.1","dev":"wan1","table":"20501","metric":1,"flags":["onlink"]},
  {"dst":"default","gateway":"203.0.2.1","dev":"wan2","table":"20502","metric":1,"flags":["onlink"]},
  {"dst":"default","gateway":"203.0.3.1","dev":"wan3","table":"20503","metric":1,"flags":["onlink"]},
  {"dst":"default","gateway":"203.0.1.1","dev":"wan1","table":"20517","metric":2,"flags":["onlink"]},
  {"dst":"default","gateway":"203.0.2.1","dev":"wan2","table":"20517","metric":3,"flags":["onlink"]},
  {"dst":"default","gateway":"203.0.3.1","dev":"wan3","table":"20517","metric":4,"flags":["onlink"]}]`;
const RULES6 = `[{"priority":0,"src":"all","table":"local"},
  {"priority":20500,"src":"all","oif":"lan0","table":"main","suppress_prefixlen":0,"protocol":"82"},
  {"priority":20500,"src":"all","fwmark":"0","fwmask":"0x40000000","table":"main","suppress_prefixlen":0,"protocol":"82"},
  {"priority":20501,"src":"all","fwmark":"0x1000000","fwmask":"0x1f000000","table":"20501","protocol":"82"},
  {"priority":20502,"src":"all","fwmark":"0x2000000","fwmask":"0x1f000000","table":"20502","protocol":"82"},
  {"priority":20503,"src":"all","fwmark":"0x3000000","fwmask":"0x1f000000","table":"20503","protocol":"82"},
  {"priority":20517,"src":"all","fwmark":"0x80000000","fwmask":"0xa0000000","table":"20517","protocol":"82"},
  {"priority":20531,"src":"all","fwmark":"0x1000000","fwmask":"0x1f000000","action":"blackhole","protocol":"82"},
  {"priority":20531,"src":"all","fwmark":"0x2000000","fwmask":"0x1f000000","action":"blackhole","protocol":"82"},
  {"priority":20531,"src":"all","fwmark":"0x3000000","fwmask":"0x1f000000","action":"blackhole","protocol":"82"},
  {"priority":20533,"src":"all","fwmark":"0x1f000000","fwmask":"0x1f000000","action":"blackhole","protocol":"82"},
  {"priority":20534,"src":"fd03:1::2","table":"20501","protocol":"82"},
  {"priority":32766,"src":"all","table":"main"}]`;
const ROUTES6 = `[{"dst":"default","gateway":"fd03:1::1","dev":"wan1","table":"20501","metric":1,"flags":["onlink"],"pref":"medium"},
  {"dst":"default","gateway":"fd03:1::1","dev":"wan1","table":"20517","metric":2,"flags":["onlink"],"pref":"medium"}]`;
/** As a version before left it: the end of a mark as a route of its table. */
const ENDED4 = `[{"type":"blackhole","dst":"default","table":"20501","metric":4278198272,"flags":[]}]`;

describe('what the kernel has', () => {
  it('reads back as what was asked for', () => {
    const state = STATES['three-routes'];
    expect(ipChanges(currentIp(RULES4, ROUTES4, 'ipv4'), desiredIp(state, 'ipv4'))).toEqual([]);
    expect(ipChanges(currentIp(RULES6, ROUTES6, 'ipv6'), desiredIp(state, 'ipv6'))).toEqual([]);
  });

  it('is put right where a version before wrote it otherwise', () => {
    const lines = ipChanges(currentIp('[]', ENDED4, 'ipv4'), desiredIp(STATES['three-routes'], 'ipv4'));
    expect(lines.filter((line) => line.startsWith('route del'))).toEqual([
      'route del blackhole default table 20501 metric 4278198272 proto 82',
    ]);
  });

  it('is nothing where ip prints nothing', () => {
    expect(currentIp('', '', 'ipv4')).toEqual({ rules: [], routes: [] });
    expect(currentIp('[]', '[]', 'ipv4')).toEqual({ rules: [], routes: [] });
  });

  it('is never a rule of somebody else', () => {
    const lines = ipChanges(currentIp(RULES4, ROUTES4, 'ipv4'), { rules: [], routes: [] });
    expect(lines.filter((line) => /priority (0|90|3276\d) /.test(line))).toEqual([]);
    expect(lines).toHaveLength(19);
    expect(lines.every((line) => /^(rule|route) del .* proto(col)? 82$/.test(line))).toBe(true);
  });
});

describe('a next hop of the other family (RFC 8950)', () => {
  // ip -4 route show: default via inet6 fe80::1 dev wan1
  const learnt = `[{"dst":"default","via":{"family":"inet6","host":"fe80::1"},"dev":"wan1","table":"20501","metric":1,"flags":["onlink"]},
    {"dst":"default","via":{"family":"inet6","host":"fe80::1"},"dev":"wan1","table":"20517","metric":2,"flags":["onlink"]}]`;
  const route = {
    ...STATES['two-routes'].routes[0],
    ipv4: { addresses: ['203.0.1.2'], gateway: 'fe80::1' },
  };
  const state = { ...STATES['two-routes'], routes: [route] };

  it('is written as ip wants it', () => {
    expect(desiredIp(state, 'ipv4').routes.join('\n')).toMatch(/default via inet6 fe80::1 dev wan1/);
  });

  it('reads back as what was asked for', () => {
    const routes = ipChanges(currentIp('[]', learnt, 'ipv4'), desiredIp(state, 'ipv4'));
    expect(routes.filter((line) => line.includes('via'))).toEqual([]);
  });
});

describe('changes', () => {
  const desired = desiredIp(STATES['three-routes'], 'ipv4');
  const down = desiredIp(STATES['three-routes-a-down'], 'ipv4');

  it('of a route that goes down take its next hop and its source rule away, and leave its mark a black hole', () => {
    expect(ipChanges(desired, down)).toEqual([
      'rule del priority 20534 from 203.0.1.2 lookup 20501 protocol 82',
      'route del default via 203.0.1.1 dev wan1 table 20501 metric 1 onlink proto 82',
      'route del default via 203.0.1.1 dev wan1 table 20517 metric 2 onlink proto 82',
    ]);
  });

  it('of a next hop replace it in one step', () => {
    const other: IpState = {
      rules: desired.rules,
      routes: desired.routes.map((line) => line.replace('203.0.1.1', '203.0.1.254')),
    };
    expect(ipChanges(desired, other)).toEqual([
      'route replace default via 203.0.1.254 dev wan1 table 20501 metric 1 onlink proto 82',
      'route replace default via 203.0.1.254 dev wan1 table 20517 metric 2 onlink proto 82',
    ]);
  });

  /** A kernel that does what the lines say. */
  function run(state: IpState, lines: readonly string[]): { rules: string[]; routes: string[] } {
    const rules = new Set(state.rules);
    const routes = new Map(state.routes.map((line) => [/table \S+ metric \S+/.exec(line)?.[0], line]));
    for (const line of lines) {
      const [, what, verb, text] = /^(rule|route) (\S+) (.*) proto(?:col)? 82$/.exec(line) ?? [];
      const key = /table \S+ metric \S+/.exec(text)?.[0];
      if (what === 'route' && verb === 'replace') routes.set(key, text);
      else if (what === 'route') expect(routes.delete(key)).toBe(true);
      else if (verb === 'add') expect(rules.has(text) ? 'File exists' : rules.add(text)).toBe(rules);
      else expect(rules.delete(text)).toBe(true);
    }
    return { rules: [...rules].sort(), routes: [...routes.values()].sort() };
  }

  it('lead from any state to any other, and then there are none', () => {
    const states = Object.values(STATES).flatMap((state) => [
      desiredIp(state, 'ipv4'),
      desiredIp(state, 'ipv6'),
    ]);
    const some = fc.constantFrom<IpState>({ rules: [], routes: [] }, ...states);
    fc.assert(
      fc.property(some, some, (from, to) => {
        const reached = run(from, ipChanges(from, to));
        expect(reached).toEqual({ rules: [...to.rules].sort(), routes: [...to.routes].sort() });
        expect(ipChanges(reached, to)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
