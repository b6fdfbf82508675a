import { describe, expect, it } from 'vitest';
import { complaints, read, SMALL } from './config-tools.js';

const memoryOf = (memory: string, more = '') => read(`${SMALL}memory: ${memory}\n${more}`).memory;

describe('memory', () => {
  it('takes every key', () => {
    expect(
      memoryOf(
        '{ trust: 1h, forget: 2d, size: 16, aggregate: { ipv4: 24, ipv6: 48 }, refresh: 5%, store: /a/b, stagger: always }',
      ),
    ).toEqual({
      trustMs: 3_600_000,
      forgetMs: 172_800_000,
      size: 16,
      aggregate: { ipv4: 24, ipv6: 48 },
      refresh: 0.05,
      store: '/a/b',
      stagger: 'always',
    });
  });

  it('forgets a day later, or when trust ends', () => {
    expect(memoryOf('{ trust: 7d }').forgetMs).toBe(604_800_000);
    expect(memoryOf('{ trust: 0s }').forgetMs).toBe(86_400_000);
    expect(memoryOf('{ trust: 1h, forget: 1h }').forgetMs).toBe(3_600_000);
    expect(memoryOf('{ trust: 0s, forget: 0s }').forgetMs).toBe(0);
  });

  it.each([
    ['', '/var/lib/pathrace/control.store'],
    ['control: /run/pathrace/second.sock', '/var/lib/pathrace/second.store'],
    ['control: /tmp/x', '/tmp/x.store'],
    ['control: /tmp/y/control.sock', '/tmp/y/control.store'],
  ])('keeps its store under the name of the control socket: %s', (control, store) => {
    expect(memoryOf('{}', `${control}\n`).store).toBe(store);
  });

  it.each([
    ['', '/var/lib/pathrace/control.state'],
    ['control: /run/pathrace/second.sock', '/var/lib/pathrace/second.state'],
    ['control: /tmp/y/control.sock', '/tmp/y/control.state'],
    ['state: /srv/pathrace', '/srv/pathrace'],
  ])(
    'keeps commands and quotas under the name of the control socket, whatever becomes of the memory: %s',
    (line, state) => {
      expect(read(`${SMALL}memory: { store: none }\n${line}\n`).state).toBe(state);
    },
  );

  it.each([
    ['memory: { store: /srv/x }\nstate: /srv/x', 'The same file as `memory.store`.'],
    ['control: /srv/x\nstate: /srv/x', 'The same file as `control`.'],
  ])('keeps them in a file of their own: %s', (lines, message) => {
    expect(complaints(`${SMALL}${lines}\n`)).toEqual([expect.stringContaining(`state: ${message}`)]);
  });

  it('keeps none where that is said', () => {
    expect(memoryOf('{ store: none }').store).toBeNull();
  });

  it.each([
    ['0', 0],
    ['0.5', 0.5],
    ['0%', 0],
    ['2.5%', 0.025],
  ])('refresh: %s', (text, share) => {
    expect(memoryOf(`{ refresh: ${text} }`).refresh).toBe(share);
  });

  it.each([
    ['trust: 8d', '.trust: Too long.'],
    ['trust: 5', '.trust: A duration needs a unit.'],
    ['trust: 1h, forget: 59m', '.forget: Shorter than `trust`.'],
    ['forget: 5m', '.forget: Shorter than `trust`, which is 10m unless the file says it.'],
    ['forget: 31d', '.forget: Too long.'],
    ['size: 15', '.size: Too small.'],
    ['size: 2000001', '.size: Too large.'],
    ['aggregate: 24', '.aggregate: Not the right kind of value.'],
    ['aggregate: { ipv4: 7 }', '.aggregate.ipv4: Too small.'],
    ['aggregate: { ipv6: 129 }', '.aggregate.ipv6: Too large.'],
    ['aggregate: { ip: 24 }', '.aggregate.ip: Unknown key'],
    ['refresh: 0.51', '.refresh: Too large.'],
    ['refresh: 51%', '.refresh: Too large.'],
    ['refresh: -1', '.refresh: Too small.'],
    ['refresh: 2 %', '.refresh: Not a share.'],
    ['store: memory.store', '.store: Not the absolute path of a file.'],
    ['store: /var/lib/', '.store: Not the absolute path of a file.'],
    ['store: false', '.store: Not a text; put it in quotes.'],
    [`store: /${'a'.repeat(4000)}`, '.store: The path is too long.'],
    ['stagger: sometimes', '.stagger: Not one of the allowed words.'],
  ])('refuses %s', (keys, message) => {
    const found = complaints(`${SMALL}memory: { ${keys} }\n`);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`4 memory${message}`);
  });
});
