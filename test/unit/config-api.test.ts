import { describe, expect, it } from 'vitest';
import { diffConfigs } from '../../src/config/diff.js';
import { complaints, read, SMALL } from './config-tools.js';

const withApi = (api: string): string => `${SMALL}api: ${api}\n`;

describe('`api`', () => {
  it('is nothing over TCP unless it is said', () => {
    expect(read(SMALL).api).toEqual({ listen: [], hosts: [], tokens: null, anonymous: 'none', tls: null });
  });

  it('takes addresses, a file of tokens, names and TLS', () => {
    const text = withApi(
      '{ listen: ["127.0.0.1:8088", "[0::1]:8088"], tokens: /etc/pathrace/tokens, hosts: Gateway.Example, tls: { cert: /c, key: /k } }',
    );
    expect(read(text).api).toEqual({
      listen: [
        { address: '127.0.0.1', port: 8088 },
        { address: '::1', port: 8088 },
      ],
      hosts: ['gateway.example'],
      tokens: '/etc/pathrace/tokens',
      anonymous: 'none',
      tls: { cert: '/c', key: '/k' },
    });
  });

  it.each([
    ['{ listen: "127.0.0.1:8088", anonymous: read }', []],
    [
      '{ listen: "127.0.0.1:8088" }',
      ['4 api.listen: Nobody could ask: there is no file of tokens, and without one nothing is answered.'],
    ],
    [
      '{ listen: "192.0.2.1:8088", tokens: /t }',
      ['4 api.listen: 192.0.2.1:8088 can be reached from other machines: that needs `tls`.'],
    ],
    [
      '{ listen: "0.0.0.0:8088", tls: { cert: /c, key: /k } }',
      [
        '4 api.listen: Nobody could ask: there is no file of tokens, and without one nothing is answered.',
        '4 api.listen: 0.0.0.0:8088 can be reached from other machines: that needs `tokens`.',
      ],
    ],
    [
      '{ listen: ["127.0.0.1:1", "[::]:8088"], tokens: /t }',
      ['4 api.listen[1]: [::]:8088 can be reached from other machines: that needs `tls`.'],
    ],
    ['{ listen: "[2001:db8::1]:443", tokens: /t, tls: { cert: /c, key: /k } }', []],
    [
      '{ listen: "192.0.2.1:1", tokens: /t, tls: { cert: /c, key: /k }, anonymous: read }',
      ['4 api.anonymous: Anybody who reaches 192.0.2.1:1 could look into the gateway.'],
    ],
    [
      '{ listen: ["127.0.0.1:1", "127.0.0.1:1"], tokens: /t }',
      ['4 api.listen[1]: The address is there twice.'],
    ],
    ['{ listen: "127.0.0.1:1", tokens: /t, tls: { cert: /c } }', ['4 api.tls.key: This key is required.']],
  ])('%s', (api, expected) => {
    expect(complaints(withApi(api))).toEqual(expected);
  });

  it.each([
    '"localhost:80"',
    '"127.0.0.1"',
    '"127.0.0.1:0"',
    '"127.0.0.1:65536"',
    '"1:2:3:4"',
    '"::1:80"',
    '80',
    '"[127.0.0.1]:80"x',
    '[]',
  ])('does not listen at %s', (listen) => {
    expect(complaints(withApi(`{ listen: ${listen}, tokens: /t }`)).length).toBeGreaterThan(0);
  });

  it('changes while the gateway runs', () => {
    const after = read(withApi('{ listen: "127.0.0.1:8088", anonymous: read }'));
    expect(diffConfigs(read(SMALL), after)).toEqual([
      { key: 'api.listen', before: null, after: '127.0.0.1:8088', apply: 'live' },
      { key: 'api.anonymous', before: 'none', after: 'read', apply: 'live' },
    ]);
  });
});
