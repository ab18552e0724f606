import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Tests that measure delays: one after another, when nothing else competes for the cores.
const alone = [
  'services/*/src/main.test.ts',
  'libs/rpc/src/{server,trace}.test.ts',
  'libs/sampling/src/sampling-pool.test.ts',
];

// Tests that start processes of their own and wait for them to answer, but for as long as it takes: two files at a time, the longest
// first, so that none is left over. Everything else runs before, two files at a time as well.
const processes = [
  'libs/cli/src/{main,train-command}.test.ts',
  'libs/experiment/src/{pipeline,service-process}.test.ts',
  'test/**/*.test.ts',
];
const longest = [
  'end-to-end/killed',
  'faults/training-killed',
  'conformance/llama-server',
  'faults/openai-server',
  'cli/src/train-command',
  'faults/trainer-service',
  'faults/judge-api',
  'conformance/smollm2',
  'end-to-end/trace',
  'sampling/src/sampler',
  'training/src/train-step',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = longest.findIndex((name) => moduleId.includes(name));
      return place < 0 ? longest.length : place;
    };
    return (await super.sort(files)).sort((left, right) => rank(left) - rank(right));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'rooms',
          include: ['libs/*/src/**/*.test.ts', 'services/*/src/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...alone, ...processes],
          maxWorkers: 2,
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'processes',
          include: processes,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'alone',
          include: alone,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
