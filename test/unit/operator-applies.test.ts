/** Which connections a rule of the operator's keeps from being raced, told without the kernel. */
import { describe, expect, it } from 'vitest';
import type { OwnTranslation } from '../../src/kernel/desired.js';
import { appliesTo } from '../../src/kernel/operator/applies.js';
import { words } from '../arbitrary/wire-tools.js';

const ALL: OwnTranslation = { places: [], family: 4, sources: null, destinations: null, ports: null };
const TO = { client: words('10.0.0.5'), destination: words('198.51.100.9'), port: 1500, isTcp: true };
const SIX = { ...TO, client: words('fd00::5'), destination: words('2001:db8::9') };

describe('a rule of the operator’s', () => {
  it.each([
    ['everything of its family', {}, TO, true],
    ['nothing of the other', {}, SIX, false],
    ['a source in a range', { sources: ['10.0.0.1', '10.0.0.4-10.0.0.6'] }, TO, true],
    ['a source beside it', { sources: ['10.0.0.1', '10.0.0.6-10.0.0.9'] }, TO, false],
    ['a destination', { destinations: ['198.51.100.9'] }, TO, true],
    ['another destination', { destinations: ['198.51.100.8'] }, TO, false],
    ['a port in a range', { ports: ['25', '1000-2000'] }, TO, true],
    ['a port beside it', { ports: ['25', '1501-2000'] }, TO, false],
    [
      'a port of UDP, which the match of TCP does not see',
      { ports: ['1500'] },
      { ...TO, isTcp: false },
      false,
    ],
    ['a range of IPv6', { family: 6, destinations: ['2001:db8::1-2001:db8::ffff'] }, SIX, true],
    ['a prefix of IPv6 beside it', { family: 6, sources: ['fd01::/64'] }, SIX, false],
  ] as const)('applies to %s: %j', (_, rule, connection, applies) => {
    expect(appliesTo({ ...ALL, ...rule }, connection)).toBe(applies);
  });
});
