import { configDefaults, defineConfig } from 'vitest/config';

// Tests that start processes of their own and wait for them to answer, or that measure delays: one after another, when
// nothing else competes for the cores. Everything else runs first, two files at a time.
const alone = [
  'services/*/src/main.test.ts',
  'libs/cli/src/{main,train-command}.test.ts',
  'libs/experiment/src/{pipeline,service-process}.test.ts',
  'libs/rpc/src/{server,trace}.test.ts',
  'libs/sampling/src/sampling-pool.test.ts',
  'test/**/*.test.ts',
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'rooms',
          include: ['libs/*/src/**/*.test.ts', 'services/*/src/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...alone],
          maxWorkers: 2,
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'alone',
          include: alone,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
