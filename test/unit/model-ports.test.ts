import fc from 'fast-check';
import { expect, test } from 'vitest';
import { includes, kernelPorts, sizeOf } from '../../src/model/ports.js';

test.each([
  [8192, 32_767, 32_768, 65_535],
  [32_768, 60_999, 1024, 32_767],
  [2048, 65_535, 1024, 2047],
  [2048, 60_999, 61_000, 65_535],
])('race ports %i-%i leave the kernel %i-%i', (from, to, first, last) => {
  expect(kernelPorts({ from, to })).toEqual({ from: first, to: last });
});

test('never one of the race ports, never fewer than 1024', () => {
  const ranges = fc
    .tuple(fc.integer({ min: 2048, max: 64_512 }), fc.integer({ min: 1024, max: 63_488 }))
    .map(([from, size]) => ({ from, to: Math.min(65_535, from + size - 1) }));
  fc.assert(
    fc.property(ranges, fc.integer({ min: 1, max: 65_535 }), (racePorts, port) => {
      const free = kernelPorts(racePorts);
      expect(sizeOf(free)).toBeGreaterThanOrEqual(1024);
      expect(includes(free, port) && includes(racePorts, port)).toBe(false);
    }),
  );
});
