// The demo in one process: what `overtone demo` does, with the services as functions of this process. A program of the benchmark's:
//
//   node test/bench/distribution/one-process.ts OUT [--quick] [--traced]
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, traced: { type: 'boolean', default: false } },
});
const [out] = positionals;
if (out === undefined) throw new Error('one-process.ts needs the run folder');

const compiled = fileURLToPath(new URL('../../../node_modules/.cache/compiled', import.meta.url));
process.env.NODE_COMPILE_CACHE ??= compiled;
enableCompileCache(process.env.NODE_COMPILE_CACHE);

const { loadExperiment, prepareRun } = await import('@overtone/experiment/prepare');
const { quicken } = await import('../../../libs/cli/src/quick.ts');
const recipe = fileURLToPath(import.meta.resolve('@overtone/experiment/recipes/miniature.yaml'));
const experiment = loadExperiment(recipe, { seeds: 1, ...(values.quick ? { adjust: quicken } : {}) });
const prepared = await prepareRun(experiment, { out });
if (values.traced) {
  const { startTelemetry } = await import('../../../libs/cli/src/telemetry.ts');
  await startTelemetry(prepared.folder.path);
}
const [{ runExperiment }, { servicesInProcess }] = await Promise.all([
  import('@overtone/experiment'),
  import('./services-in-process.ts'),
]);
let end = async (): Promise<void> => {};
try {
  await runExperiment(prepared, {
    host: async (places) => {
      const services = await servicesInProcess(experiment, places);
      end = services.end;
      return services;
    },
  });
} finally {
  await end();
}
if (values.traced) {
  const { stopTelemetry } = await import('../../../libs/cli/src/telemetry.ts');
  await stopTelemetry();
}
