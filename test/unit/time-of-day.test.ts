/** The time of a service: local, over midnight, by the days on which it begins; and what the kernel makes of it. */
import { describe, expect, it } from 'vitest';
import { isWithin } from '../../src/daemon/time-of-day.js';
import { serviceMatches } from '../../src/kernel/render-matches.js';
import { serviceSets } from '../../src/kernel/render-services.js';
import { STATES } from '../golden/states.js';

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const WORK = [1, 2, 3, 4, 5];
const ALL = [0, 1, 2, 3, 4, 5, 6];

/** 2026-03-01 is a Sunday. */
function at(day: string, time: string): Date {
  const [hours, minutes] = time.split(':').map(Number);
  return new Date(2026, 2, 1 + DAYS.indexOf(day), hours, minutes, 30);
}

describe('isWithin', () => {
  it.each([
    ['no span', [], 'tue', '12:00', true],
    ['its first minute', [{ days: WORK, from: 480, to: 1080 }], 'mon', '08:00', true],
    ['the minute before', [{ days: WORK, from: 480, to: 1080 }], 'mon', '07:59', false],
    ['its last minute', [{ days: WORK, from: 480, to: 1080 }], 'fri', '17:59', true],
    ['the minute after', [{ days: WORK, from: 480, to: 1080 }], 'fri', '18:00', false],
    ['another day', [{ days: WORK, from: 480, to: 1080 }], 'sat', '12:00', false],
    ['a whole day', [{ days: [6], from: 0, to: 1440 }], 'sat', '23:59', true],
    ['the day after', [{ days: [6], from: 0, to: 1440 }], 'sun', '00:00', false],
    ['evening of one over midnight', [{ days: [5], from: 1320, to: 360 }], 'fri', '22:00', true],
    ['its morning belongs to the day before', [{ days: [5], from: 1320, to: 360 }], 'sat', '05:59', true],
    ['and is over', [{ days: [5], from: 1320, to: 360 }], 'sat', '06:00', false],
    ['the morning of its own day does not', [{ days: [5], from: 1320, to: 360 }], 'fri', '05:59', false],
    ['Saturday to Sunday', [{ days: [6], from: 1320, to: 360 }], 'sun', '01:00', true],
    ['every night', [{ days: ALL, from: 1320, to: 360 }], 'wed', '12:00', false],
    [
      'the second of two',
      [
        { days: [1], from: 0, to: 60 },
        { days: [2], from: 60, to: 120 },
      ],
      'tue',
      '01:30',
      true,
    ],
  ] as const)('%s', (_, spans, day, time, expected) => {
    expect(isWithin(spans, at(day, time))).toBe(expected);
  });
});

describe('a service whose time it is not', () => {
  const { services } = STATES;
  const asleep = { ...services, services: services.services.map((one) => ({ ...one, isActive: false })) };

  it('matches nothing', () => {
    expect(serviceMatches(services, 'lan').length).toBeGreaterThan(0);
    expect(serviceMatches(asleep, 'lan')).toEqual([]);
  });

  it('keeps its sets and maps, which are filled all the time', () => {
    expect(serviceSets(asleep)).toEqual(serviceSets(services));
  });
});
