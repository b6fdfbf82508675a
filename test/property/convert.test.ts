/** Whatever the text: it is refused with a line, or it becomes a file that a gateway takes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PathraceError } from '../../src/model/errors.js';
import { convert } from '../unit/convert-tools.js';

const RUNS = 400;

/** Converted and taken by the loader, or refused in words of ours. */
function isHandled(text: string, network?: string): boolean {
  try {
    const { yaml, notes } = convert(text, {
      disabled: true,
      lan: [],
      ...(network === undefined ? {} : { network }),
    });
    expect(yaml.length).toBeLessThan(256 * 1024);
    for (const { found, instead } of notes) expect(`${found}${instead}`).not.toMatch(/[\0-\x1f]/);
    return true;
  } catch (error) {
    if (!(error instanceof PathraceError) || error.code !== 'E_CONVERT') throw error;
    return false;
  }
}

const word = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'a6',
    'p',
    'q',
    'm',
    'rest',
    'race',
    '1',
    '0',
    '2',
    '1000',
    '443',
    '80,8000:9000',
    'tcp',
    'udp',
    'all',
    'icmp',
  ),
  fc.constantFrom(
    'ipv4',
    'ipv6',
    '192.0.2.1',
    '10.0.0.0/8',
    '::/0',
    '2001:db8::1/48',
    '0.0.0.0/0',
    'default',
    'unreachable',
    'constructor',
  ),
  fc.constantFrom(
    'wan',
    'local',
    'lo',
    'br-lan',
    '@a',
    'pppoe',
    'static',
    '-1',
    '9999999999',
    '__proto__',
    'toString',
    '',
  ),
  fc.string({ maxLength: 12 }).map((text) => text.replace(/[\n']/g, ' ')),
  fc.string({ unit: 'binary', maxLength: 6 }).map((text) => text.replace(/[\n']/g, ' ')),
);
const OPTIONS = [
  'enabled family track_ip track_method reliability count timeout interval down up size flush_conntrack initial_state check_quality',
  'interface metric weight use_member last_resort src_ip src_port dest_ip dest_port proto sticky ipset use_policy src_iface logging',
  'mmx_mask rt_table_lookup device ifname type local_source constructor',
].flatMap((line) => line.split(' '));
const option = fc
  .tuple(fc.constantFrom('option', 'list'), fc.constantFrom(...OPTIONS), word)
  .map(([kind, name, value]) => `\t${kind} ${name} '${value}'\n`);
const section = fc
  .tuple(
    fc.constantFrom('interface', 'member', 'policy', 'rule', 'globals', 'interface'),
    fc.constantFrom('a', 'b', 'a6', 'b_6', 'p', 'q', 'm', 'n', 'rest', 'hash', '', ''),
    fc.array(option, { maxLength: 10 }),
  )
  .map(
    ([type, name, options]) =>
      `config ${type} ${type === 'interface' ? name || 'w' : name && `${name}_${type}`}\n${options.join('')}`,
  );

/** Most of these are converted: two interfaces, and policies whose members there are. */
const plausible = fc
  .array(section, { minLength: 1, maxLength: 20 })
  .map(
    (sections) =>
      `config interface a\n option enabled 1\nconfig interface b\n option enabled 1\n` +
      `config member x_member\n option interface a\nconfig member y_member\n option interface b\n option weight 2\n` +
      `config policy p\n list use_member x_member\n list use_member y_member\n${sections.join('')}`,
  );

describe('any text', () => {
  it('of any characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => void isHandled(text)),
      { numRuns: RUNS },
    );
  });

  it('of the words of UCI in any order', () => {
    const piece = fc.constantFrom(
      'config ',
      'option ',
      'list ',
      "'",
      '"',
      '\\',
      '#',
      ';',
      '\n',
      ' ',
      'interface',
      'a',
      '1',
      'enabled ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => void isHandled(pieces.join(''))),
      { numRuns: RUNS },
    );
  });

  it('of sections of mwan3 with any values; most are converted', () => {
    let converted = 0;
    fc.assert(
      fc.property(plausible, fc.option(fc.array(section, { maxLength: 8 })), (text, network) => {
        if (isHandled(text, network?.join('') ?? undefined)) converted++;
      }),
      { numRuns: RUNS },
    );
    expect(converted).toBeGreaterThan(RUNS / 2);
  });

  it('of a quarter of a million characters, in a second', () => {
    const long = 'config rule\n option use_policy p\n option src_port 1\n option proto tcp\n'.repeat(3700);
    const many = `${'config interface a\nlist track_ip x\n'.repeat(7000)}config interface b\n`;
    const started = performance.now();
    for (const text of [long, many, "'".repeat(250_000), 'a'.repeat(250_000), '\\'.repeat(250_000)])
      isHandled(text);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
