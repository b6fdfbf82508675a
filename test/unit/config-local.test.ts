/** `local` in `lan`: the gateway itself. */
import { describe, expect, it } from 'vitest';
import { diffConfigs } from '../../src/config/diff.js';
import { complaints, read, SMALL } from './config-tools.js';

const withLan = (lan: string, more = ''): string => SMALL.replace('[lan0]', lan) + more;
const service = (from: string): string =>
  `services: [{ name: s, match: { interface: ${from} }, select: race }]\n`;

describe('lan', () => {
  it.each([
    ['[lan0, local]', ['lan0'], true],
    ['[local, lan0, lan1]', ['lan0', 'lan1'], true],
    ['local', [], true],
    ['[local]', [], true],
    ['[lan0]', ['lan0'], false],
  ] as const)('%s', (lan, interfaces, local) => {
    expect(read(withLan(lan))).toMatchObject({ lan: interfaces, local });
  });

  it('has `local` once', () => {
    expect(complaints(withLan('[local, local]')).join()).toContain('The interface is there twice');
  });

  it('is said in a difference as the file says it', () => {
    const changes = diffConfigs(read(SMALL), read(withLan('[lan0, local]')));
    expect(changes).toEqual([{ key: 'lan', before: 'lan0', after: '[lan0, local]', apply: 'live' }]);
  });
});

describe('services[].match.interface', () => {
  it('may be `local` where `lan` has it', () => {
    const { services } = read(withLan('[lan0, local]', service('[local]')));
    expect(services[0].match.interface).toEqual(['local']);
  });

  it('and not where it has not', () => {
    expect(complaints(SMALL + service('local')).join()).toContain('There is no such interface in `lan`');
  });
});

it('five lines are enough for a host with two uplinks and no LAN', () => {
  const text = `lan: local
routes:
  ethernet: { interface: eth0 }
  wifi: { interface: wlan0 }
services: [{ name: all, match: any, select: race }]
`;
  expect(read(text)).toMatchObject({
    lan: [],
    local: true,
    rest: { route: 'ethernet', translate: true },
    services: [{ select: { criterion: 'race', routes: ['ethernet', 'wifi'] } }],
  });
});
