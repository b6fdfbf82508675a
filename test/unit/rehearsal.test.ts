/** What a race thread does before its first connection: races of its own, with nothing of them left behind. */
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { rehearse } from '../../src/kernel/rehearsal/rehearsal.js';

const clock = (): number => performance.now() * 1000;
const descriptors = (): number => readdirSync('/proc/self/fd').length;

test('races are decided, and every descriptor is given back', async () => {
  const before = descriptors();
  const rehearsed = await rehearse(clock, { rounds: 20, micros: 30e6 });
  expect(rehearsed.error).toBeNull();
  // Three new servers of each family in a round; the answer to every eighth round is a no.
  expect(rehearsed.races).toBeGreaterThanOrEqual(2 * 3 * 17);
  expect(descriptors()).toBe(before);
});

test('no further round begins when its time is over', async () => {
  const { races, micros, error } = await rehearse(clock, { rounds: 1e6, micros: 50_000 });
  expect({ error, ended: micros < 5e6, raced: races > 0 }).toEqual({ error: null, ended: true, raced: true });
});

test('what goes wrong is told, and thrown at nobody', async () => {
  let calls = 0;
  const broken = (): number => {
    if (++calls === 3) throw new Error('no clock');
    return clock();
  };
  expect(await rehearse(broken, { rounds: 20, micros: 1e6 })).toMatchObject({ error: 'Error: no clock' });
});
