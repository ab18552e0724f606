import { configDefaults, defineConfig } from 'vitest/config';

// Tests that start processes of their own, and wait for them to answer: one after another, when nothing else competes
// for the cores. Everything else runs first, two files at a time.
const processes = [
  'services/*/src/main.test.ts',
  'libs/cli/src/main.test.ts',
  'libs/experiment/src/{pipeline,service-process}.test.ts',
  'libs/rpc/src/{server,trace}.test.ts',
  'test/**/*.test.ts',
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'rooms',
          include: ['libs/*/src/**/*.test.ts', 'services/*/src/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...processes],
          maxWorkers: 2,
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'processes',
          include: processes,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
