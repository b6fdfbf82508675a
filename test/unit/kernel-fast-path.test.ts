import { describe, expect, it } from 'vitest';
import { whyNoFastPath } from '../../src/kernel/fast-path.js';
import { renderFastPath, renderNoFastPath } from '../../src/kernel/render-fast-path.js';

const lan = new Map([['lan0', 2]]);
const providers = new Map([
  ['wan1', 3],
  ['ppp0', 7],
]);

const markMask = 0x3f000000;
const routes = [
  { interface: 'wan1', mark: 0x21000000 },
  { interface: 'ppp0', mark: 0x23000000 },
];

describe('renderFastPath', () => {
  it('takes established flows with a route, from what goes out by its interface', () => {
    expect(renderFastPath({ lan, providers, routes, markMask, readsDns: false, signalPorts: [] })).toBe(
      `add flowtable inet pathrace fast { hook ingress priority 0; counter; devices = { "lan0", "wan1", "ppp0" }; }
add chain inet pathrace fast_path { type filter hook forward priority 210; policy accept; }
flush chain inet pathrace fast_path
add rule inet pathrace fast_path ct status assured ct state established iifname "lan0" oifname . (ct mark and 0x3f000000) { "wan1" . 0x21000000, "ppp0" . 0x23000000 } meta l4proto { tcp, udp } flow add @fast
`,
    );
  });

  it('leaves the answers of name servers to the daemon where it reads them', () => {
    const rules = renderFastPath({ lan, providers, routes, markMask, readsDns: true, signalPorts: [] })
      .split('\n')
      .slice(3);
    expect(rules[0]).toBe('add rule inet pathrace fast_path udp dport 53 return');
    expect(rules[1]).toContain('flow add @fast');
  });

  it('leaves signalling to the daemon where that reads it', () => {
    const signalPorts = [{ transport: 'udp', port: 5060 } as const];
    const rules = renderFastPath({ lan, providers, routes, markMask, readsDns: false, signalPorts });
    expect(rules.split('\n').slice(3)[0]).toBe('add rule inet pathrace fast_path udp dport 5060 return');
  });

  it('names an interface once that is LAN and provider', () => {
    const both = new Map([['eth0', 2]]);
    const state = { lan: both, providers: both, routes, markMask, readsDns: false, signalPorts: [] };
    expect(renderFastPath(state)).toContain('devices = { "eth0" }');
  });
});

it('takes away what it has declared, the rules first', () => {
  expect(renderNoFastPath()).toBe(
    'flush chain inet pathrace fast_path\ndelete chain inet pathrace fast_path\ndelete flowtable inet pathrace fast\n',
  );
});

it('wants a kernel on which flows notice that their route has changed', () => {
  const able = ['6.1.0-56-amd64', '6.12.117+deb12-amd64', '6.18.44', '7.0.0-rc1'];
  const unable = ['5.10.0-30-amd64', '5.15.0', '6.0.19', 'none'];
  expect(able.map((kernel) => whyNoFastPath(kernel))).toEqual(able.map(() => null));
  for (const kernel of unable) expect(whyNoFastPath(kernel)).toContain(kernel);
});
