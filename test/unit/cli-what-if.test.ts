/** `why --what-if` as it is typed and printed; and who holds what comes next, in the words that `why` and the page have, too. */
import { describe, expect, it } from 'vitest';
import type { DecisionPin, WhatIf, WhatIfOutcome } from '../../src/api/contract.js';
import { holderOf } from '../../src/api/words/decisions.js';
import { readTarget, renderWhatIf } from '../../src/cli/what-if.js';
import { renderWhy } from '../../src/cli/why.js';
import { DECISION, WHAT_IF, WORST_OUTCOME } from './api-tools.js';
import { plain, runCommand } from './cli-tools.js';

const UNTIL = '2024-03-01T02:59:07.123Z';

describe('what was typed', () => {
  it.each([
    ['198.51.100.7:443', { destination: '198.51.100.7', port: 443, protocol: 'tcp' }],
    ['[2001:db8::1]:53/udp', { destination: '2001:db8::1', port: 53, protocol: 'udp' }],
    ['example.org/tcp', { destination: 'example.org', protocol: 'tcp' }],
    ['198.51.100.7/gre', { destination: '198.51.100.7', protocol: 'gre' }],
    ['2001:db8::1/esp', { destination: '2001:db8::1', protocol: 'esp' }],
    ['198.51.100.7/ah', { destination: '198.51.100.7', protocol: 'ah' }],
  ])('%s is %j', (text, target) => expect(readTarget(text)).toEqual(target));

  it.each([
    '',
    '198.51.100.7/sctp',
    '198.51.100.7:0',
    '198.51.100.7:65536/udp',
    '198.51.100.7/24',
    '1.2.3:4',
  ])('%j is an error, unless it is a name', (text) => {
    if (text === '1.2.3:4') expect(readTarget(text).destination).toBe('1.2.3');
    else expect(() => readTarget(text)).toThrow(/Not a destination/);
  });

  it.each(['64', '-1', 'fast', '', 'ef,cs0', '1.5'])('--dscp %j is an error', async (dscp) => {
    const typed = ['why', '--what-if', '192.0.2.1', '198.51.100.7:443', `--dscp=${dscp}`];
    const { code, err } = await runCommand(typed);
    expect([code, err]).toEqual([2, expect.stringMatching(/Not a code point.*af11 to af43, ef, va/s)]);
  });
});

describe('what is printed', () => {
  const page = (answer: Partial<WhatIf>, outcome: Partial<WhatIfOutcome>): string =>
    renderWhatIf({ ...WHAT_IF, ...answer, outcomes: [{ ...WORST_OUTCOME, ...outcome }] }, plain);

  it('says protocol and DSCP where they are others than usual', () => {
    expect(page({}, {})).toContain('192.168.1.2 -> 198.51.100.7:443, if it began now\n');
    expect(page({ dscp: 46 }, {})).toContain('198.51.100.7:443 (DSCP ef), if it began now\n');
    expect(page({ protocol: 'gre', dscp: 5 }, { destination: '198.51.100.7' })).toContain(
      '-> 198.51.100.7 (gre, DSCP 5), if it began now\n',
    );
  });

  it.each<[DecisionPin, string]>([
    [
      { route: 'fiber', by: 'group', group: 'client', until: UNTIL },
      'held on fiber by its group (client), until 2024-03-01 02:59:07.123 UTC unless it is used again',
    ],
    [
      { route: 'fiber', by: 'tunnel', until: UNTIL },
      'held on fiber by its tunnel, until 2024-03-01 02:59:07.123 UTC unless it is used again',
    ],
    [
      { route: 'fiber', by: 'command', until: UNTIL },
      'held on fiber by command, until 2024-03-01 02:59:07.123 UTC',
    ],
    [
      { route: 'fiber', by: 'control', until: UNTIL },
      'held on fiber by its control connection, until 2024-03-01 02:59:07.123 UTC',
    ],
    [{ route: 'fiber', by: 'tunnel', until: null }, 'held on fiber by its tunnel'],
  ])('says who holds it in the words of why: %j', (pin, words) => {
    const flat = (text: string): string => text.replaceAll(/\s+/g, ' ');
    expect(flat(page({}, { pin }))).toContain(` ${words} `);
    expect(flat(renderWhy('x', [{ ...DECISION, pin }], plain))).toContain(` the next: ${words}`);
    // The page says the same behind the route.
    const until = pin.until === null ? null : '2024-03-01 02:59:07.123 UTC';
    expect(words).toBe(`held on fiber by ${holderOf(pin, until)}`);
  });
});
