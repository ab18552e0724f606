// The evaluator process: serves EvaluatorService; samples through the Generator service at OVERTONE_GENERATOR (host:port).
import { GeneratorServiceClient } from '@overtone/contracts';
import { connect, runService } from '@overtone/rpc';
import { evaluatorService } from './handlers.ts';

try {
  const generator = process.env.OVERTONE_GENERATOR || '';
  if (generator === '') {
    throw new Error('OVERTONE_GENERATOR: set it to the host:port of the Generator service to sample through');
  }
  await runService({
    name: 'evaluator',
    services: [evaluatorService(connect(GeneratorServiceClient, generator))],
  });
} catch (error) {
  process.stderr.write(`evaluator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
