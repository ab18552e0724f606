import { fileURLToPath } from 'node:url';
import './test/temporary-folder.ts';
import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Tests start hundreds of processes: what one of them has compiled need not be compiled again.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url));

// Tests of a whole deployment have a configuration of their own: vitest.system.config.ts.
const system = 'test/**/*.system.test.ts';

// Tests that measure delays: one after another, when nothing else competes for the cores.
const alone = [
  'services/*/src/main.test.ts',
  'libs/rpc/src/{server,trace}.test.ts',
  'libs/sampling/src/sampling-pool.test.ts',
];

// Tests that start processes of their own and wait for them to answer, but for as long as it takes: two files at a time, the longest
// first, so that none is left over. Everything else runs before, two files at a time as well.
const processes = [
  'libs/cli/src/{main,train-command,eval-command}.test.ts',
  'libs/experiment/src/{pipeline,service-process}.test.ts',
  'libs/report/src/page-in-chromium.test.ts',
  'test/**/*.test.ts',
  // Where a session of ONNX Runtime flushes subnormal numbers to zero, it leaves the thread so: these count on one that has had none.
  'libs/language-model/src/{float-formats,safetensors}.test.ts',
  // Measures the memory of its process.
  'libs/signals/src/fidelity-memory.test.ts',
];
const longest = [
  'end-to-end/killed',
  'faults/training-killed',
  'conformance/llama-server',
  'faults/openai-server',
  'cli/src/eval-command',
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
          // Files share what they load: loading takes a quarter of the time otherwise.
          isolate: false,
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
          // Two files at a time: a generator needs no second worker.
          env: { OVERTONE_WORKERS: '1' },
          include: processes,
          exclude: [...configDefaults.exclude, system],
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
