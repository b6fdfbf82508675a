import { defineConfig } from 'vitest/config';

/** Two projects: `fast` needs nothing, `lab` needs root and network namespaces and runs one file at a time. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'fast', include: ['test/{arch,unit,property,sim}/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
