// The scorer service as a process: comparison plans, quality scores and fidelity over gRPC. No state, no configuration but
// where to listen (OVERTONE_LISTEN).
import { ScorerServiceService } from '@overtone/contracts';
import { runService } from '@overtone/rpc';
import { scorer } from './scorer.ts';

await runService({
  name: 'scorer',
  services: [{ definition: ScorerServiceService, implementation: scorer }],
});
