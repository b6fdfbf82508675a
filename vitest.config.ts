import { defineConfig } from 'vitest/config';

/** Two projects: `lab` needs root and network namespaces and runs one file at a time; `fast` is everything else and needs nothing. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/lab/**'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          // Real time on a shared machine: one more try, which the report shows as a retry.
          retry: 1,
        },
      },
    ],
  },
});
