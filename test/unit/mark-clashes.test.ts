/** Who else uses our bits of marks: from what ip (6.1), nft (1.0.6) and iptables-save (1.8.9) have printed. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.js';
import { explainUses } from '../../src/kernel/features-marks.js';
import { type Listings, markUses } from '../../src/kernel/mark-clashes.js';
import { marksOf } from '../../src/kernel/marks.js';
import { DEFAULT_MARK_MASK } from '../../src/model/mark-mask.js';
import { processorMs } from './processor-time.js';

const RULES = `[{"priority":0,"src":"all","table":"local"},
  {"priority":5209,"src":"all","fwmark":"0x1","table":"100"},
  {"priority":5210,"src":"all","fwmark":"0x80000","fwmask":"0xff0000","table":"main"},
  {"priority":20500,"src":"all","fwmark":"0","fwmask":"0x40000000","table":"main","suppress_prefixlen":0,"protocol":"82"},
  {"priority":30000,"src":"all","fwmark":"0x2","fwmask":"0xf","table":"7"},
  {"priority":32765,"not":null,"src":"all","fwmark":"0xca6c","table":"51820"}]`;

const SAVED = `*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -m conntrack --ctstate RELATED,ESTABLISHED -j CONNMARK --restore-mark --nfmask 0xff0000 --ctmask 0xff0000
-A PREROUTING -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff
-A POSTROUTING -j MARK --set-xmark 0x14/0xffffffff
COMMIT
*filter
-A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT
-A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP
COMMIT
*nat
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
COMMIT
`;

const meta = { meta: { key: 'mark' } };
const ct = { ct: { key: 'mark' } };
const rule = (chain: string, expr: object, more: object = {}): object => ({
  rule: { family: 'inet', table: 'qos', chain, handle: 1, ...more, expr: [{ counter: null }, expr] },
});
const ruleset = (...rules: object[]): string => JSON.stringify({ nftables: [{ metainfo: {} }, ...rules] });

const WG_QUICK = [
  rule('premangle', { mangle: { key: meta, value: ct } }, { family: 'ip', table: 'wg-quick-wg0' }),
  rule('postmangle', { match: { op: '==', left: meta, right: 51820 } }, { table: 'wg-quick-wg0' }),
  rule('postmangle', { mangle: { key: ct, value: meta } }, { table: 'wg-quick-wg0' }),
];

const marks = marksOf(DEFAULT_MARK_MASK);
const listings = (part: Partial<Listings>): Listings => ({ rules: [], ruleset: '', iptables: [], ...part });
const used = (part: Partial<Listings>): [string, number][] =>
  markUses(listings(part), marks, 20500).map(({ program, bits }) => [program, bits]);

const CONFIG = `lan: lan0
routes: { a: { interface: wan1 }, b: { interface: wan2 } }
rest: { route: a }
`;
const config = (mark?: string) =>
  parseConfig(mark === undefined ? CONFIG : `${CONFIG}kernel: { mark: ${mark} }\n`, 'f');

describe('others’ marks', () => {
  it('are found by their programs’ names', () => {
    const found = used({ rules: [RULES], iptables: [SAVED], ruleset: ruleset(...WG_QUICK) });
    expect(found).toEqual([
      ['Tailscale', 0xff0000],
      ['iptables mangle PREROUTING', 0xff0000],
      ['Kubernetes', 0xc000],
    ]);
  });

  it('are none of ours by default: Tailscale, Kubernetes, mwan3, wg-quick', () => {
    const mwan3 = '-A mwan3_hook -j CONNMARK --restore-mark --nfmask 0x3f00 --ctmask 0x3f00\n';
    const all = listings({
      rules: [RULES],
      iptables: [SAVED, `*mangle\n${mwan3}`],
      ruleset: ruleset(...WG_QUICK),
    });
    expect(explainUses(config(), all)).toMatchObject([{ name: 'marks', ok: true }]);
  });

  it.each([
    ['meta mark and 0xff == 3', { match: { op: '==', left: { '&': [meta, 0xff] }, right: 3 } }, 0xff],
    ['mark set mark or 0x10', { mangle: { key: meta, value: { '|': [meta, 0x10] } } }, 0x10],
    [
      'mark set mark and 0xffffff00 or 0x20',
      { mangle: { key: meta, value: { '|': [{ '&': [meta, 0xffffff00] }, 0x20] } } },
      0xff,
    ],
    ['mark set mark and 0xffff00ff', { mangle: { key: meta, value: { '&': [meta, 0xffff00ff] } } }, 0xff00],
    ['mark set mark xor 0x40', { mangle: { key: meta, value: { '^': [meta, 0x40] } } }, 0x40],
    ['ct mark set meta mark and 0xff', { mangle: { key: ct, value: { '&': [meta, 0xff] } } }, 0xff],
    ['mark and 0xf0 vmap', { vmap: { key: { '&': [meta, 0xf0] }, data: { set: [] } } }, 0xf0],
  ])('by nft: %s', (_, expr, bits) => {
    expect(used({ ruleset: ruleset(rule('p', expr)) })).toEqual([['table inet qos', bits]]);
  });

  it.each([
    ['whole marks that are set', { mangle: { key: meta, value: 20 } }],
    ['whole marks that are compared', { match: { op: '==', left: meta, right: 51820 } }],
    ['whole marks that are restored', { mangle: { key: meta, value: ct } }],
    ['other things that have parts', { match: { left: { '&': [{ ct: { key: 'state' } }, 2] }, right: 2 } }],
  ])('are not %s', (_, expr) => {
    expect(used({ ruleset: ruleset(rule('p', expr)) })).toEqual([]);
  });

  it('are not our own rules', () => {
    const own = rule('lan', { match: { op: '!=', left: { '&': [ct, 0x20000000] }, right: 0 } });
    const text = ruleset({ rule: { ...(own as { rule: object }).rule, table: 'pathrace' } });
    expect(used({ ruleset: text })).toEqual([]);
  });

  it('of ip rules clash where they come before ours and can find ours', () => {
    const of = (more: object): [string, number][] =>
      used({ rules: [JSON.stringify([{ priority: 100, src: 'all', table: '7', ...more }])] });
    expect(of({ fwmark: '0x1', fwmask: '0x1' })).toEqual([['ip rule 100', 1]]);
    expect(of({ fwmark: '0x21000001' })).toEqual([['ip rule 100', 0xffffffff]]);
    // Finds all of ours.
    expect(of({ not: null, fwmark: '0xca6c' })).toEqual([['ip rule 100', 0xffffffff]]);
    expect(of({ fwmark: '0x1' })).toEqual([]);
    expect(of({ fwmark: '0x1', fwmask: '0x1', priority: 30000 })).toEqual([]);
  });
});

describe('doctor', () => {
  const calico = listings({
    iptables: [
      '*filter\n-A cali-FORWARD -m comment --comment "cali:x" -j MARK --set-xmark 0x0/0xe0000\n-A cali-set-endpoint-mark -j MARK --set-xmark 0x5a500000/0xfff00000\n',
    ],
  });

  it('names the program, the bits, where they are, and a mask that is free', () => {
    expect(explainUses(config(), calico)).toEqual([
      {
        name: 'marks of Calico',
        ok: false,
        severity: 'recommended',
        found:
          '0xff000000 are used by Calico, too (iptables filter cali-FORWARD, iptables filter cali-set-endpoint-mark)',
        expected: 'bits of marks that nobody else uses (kernel.mark: 0xff0000ff)',
        remedy: 'Set kernel.mark: 0x0000ffff, or give that program other bits; then start the gateway again.',
      },
    ]);
  });

  it('is content with the mask that it has named', () => {
    expect(explainUses(config('0x0000ffff'), calico)).toMatchObject([{ ok: true }]);
  });

  it('says of a rule that takes everything, as a tunnel’s that was started later, that its place is wrong', () => {
    const rules = '[{"priority":20499,"not":null,"src":"all","fwmark":"0xca6c","table":"51820"}]';
    expect(explainUses(config(), listings({ rules: [rules] }))).toMatchObject([
      {
        ok: false,
        found: 'ip rule 20499 takes everything that has not its own mark',
        remedy: 'Give that rule a priority behind ours (kernel.rulePriority: 20500).',
      },
    ]);
  });

  it('says what cannot be had', () => {
    const all = listings({ iptables: ['*mangle\n-A x -j MARK --set-xmark 0x0/0xfffffff0\n'] });
    expect(explainUses(config(), all)[0].remedy).toBe(
      'Give that program other bits: 11 are needed for 0 services.',
    );
  });

  it('reads 50 000 rules at once', () => {
    const many = Array.from({ length: 50_000 }, (_, i) =>
      rule(`c${i}`, { match: { op: '==', left: { '&': [meta, 0xff00] }, right: i } }),
    );
    const took = processorMs(() => {
      expect(explainUses(config(), listings({ ruleset: ruleset(...many) }))).toMatchObject([{ ok: true }]);
    });
    expect(took).toBeLessThan(5000);
  });

  it('takes what is no JSON for nothing', () => {
    expect(used({ rules: ['', 'x'], ruleset: '{' })).toEqual([]);
  });
});
