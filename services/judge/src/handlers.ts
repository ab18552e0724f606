// JudgeService over a judge backend: validates requests and hands them on.
import { JudgeServiceService, type CompareRequest, type CompareResponse } from '@overtone/contracts';
import type { JudgeBackend } from '@overtone/judging';
import { bidiHandler, checkField, unaryHandler, type ServedService } from '@overtone/rpc';

/** The service, ready to be served. */
export function judgeService(backend: JudgeBackend): ServedService {
  return {
    definition: JudgeServiceService,
    implementation: {
      describe: unaryHandler((_, { signal }) => backend.describe(signal)),
      compare: bidiHandler((requests: AsyncIterable<CompareRequest>, { signal }) =>
        compare(backend, requests, signal),
      ),
    },
  };
}

async function* compare(
  backend: JudgeBackend,
  requests: AsyncIterable<CompareRequest>,
  signal: AbortSignal,
): AsyncGenerator<CompareResponse> {
  const open = new Set<string>();
  async function* validated(): AsyncGenerator<CompareRequest> {
    for await (const request of requests) {
      checkField(request.id !== '', 'id', 'must not be empty');
      checkField(
        !open.has(request.id),
        'id',
        `"${request.id}" is still being compared; ids must be unique within a stream`,
      );
      for (const field of ['question', 'first', 'second'] as const) {
        checkField(request[field] !== '', field, `must not be empty (comparison "${request.id}")`);
      }
      open.add(request.id);
      yield request;
    }
  }
  for await (const response of backend.compare(validated(), signal)) {
    open.delete(response.id);
    yield response;
  }
}
