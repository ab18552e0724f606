import { fileURLToPath } from 'node:url';
import './test/temporary-folder.ts';
import { defineConfig } from 'vitest/config';

process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url));

// Tests of a whole deployment: five services, a store, a collector, faults between them. One file at a time, since each of them has
// both cores at work by itself.
export default defineConfig({
  test: {
    include: ['test/**/*.system.test.ts'],
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
