// EvaluatorService over a Generator service.
import { EvaluatorServiceService, type EvaluateRequest } from '@overtone/contracts';
import { serverStreamHandler, type ServedService } from '@overtone/rpc';
import { evaluate, type SamplingModel } from './evaluate.ts';

/** The service, ready to be served. */
export function evaluatorService(model: SamplingModel): ServedService {
  return {
    definition: EvaluatorServiceService,
    implementation: {
      evaluate: serverStreamHandler((request: EvaluateRequest, { signal }) =>
        evaluate(model, request, signal),
      ),
    },
  };
}
