// EvaluatorService over a Generator service.
import { EvaluatorServiceService, type EvaluateRequest } from '@overtone/contracts';
import { serverStreamHandler, type ServedService } from '@overtone/rpc';
import type { Verifier } from '@overtone/tasks';
import { evaluate, type SamplingModel } from './evaluate.ts';
import { chooseVerifier } from './verifier.ts';

/** The service, ready to be served; `custom` is the verifier of one's own that it was started with. */
export function evaluatorService(model: SamplingModel, custom?: Verifier): ServedService {
  return {
    definition: EvaluatorServiceService,
    implementation: {
      evaluate: serverStreamHandler((request: EvaluateRequest, { signal }) =>
        evaluate(model, chooseVerifier(request.verifierSha256, custom), request, signal),
      ),
    },
  };
}
