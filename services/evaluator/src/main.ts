// The evaluator process: serves EvaluatorService; samples through the Generator service at OVERTONE_GENERATOR (host:port).
// With OVERTONE_VERIFIER, the path of a module that exports `verify(problem, text)`, it can verify with that too.
import { connectGenerator, runService } from '@overtone/rpc';
import { loadVerifier } from '@overtone/tasks';
import { evaluatorService } from './handlers.ts';

try {
  const generator = process.env.OVERTONE_GENERATOR || '';
  if (generator === '') {
    throw new Error('OVERTONE_GENERATOR: set it to the host:port of the Generator service to sample through');
  }
  const module = process.env.OVERTONE_VERIFIER || '';
  const verifier = module === '' ? undefined : await loadVerifier(module);
  await runService({
    name: 'evaluator',
    services: [evaluatorService(connectGenerator(generator), verifier)],
  });
} catch (error) {
  process.stderr.write(`evaluator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
