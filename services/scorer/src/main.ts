// The scorer service as a process: comparison plans, quality scores and fidelity over gRPC. No state, and no configuration but that of
// every service (see libs/rpc/README.md).
import { ScorerServiceService } from '@overtone/contracts';
import { runService } from '@overtone/rpc';
import { scorer } from './scorer.ts';

try {
  await runService({
    name: 'scorer',
    services: [{ definition: ScorerServiceService, implementation: scorer }],
  });
} catch (error) {
  process.stderr.write(`scorer: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
