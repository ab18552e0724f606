// GeneratorService over a sampling pool: validates requests and hands them on.
import {
  GeneratorServiceService,
  type DescribeModelResponse,
  type GenerateRequest,
  type GenerateResponse,
  type ScoreRequest,
  type ScoreResponse,
} from '@overtone/contracts';
import { bidiHandler, serverStreamHandler, unaryHandler, type ServedService } from '@overtone/rpc';
import { type SamplingPool } from '@overtone/sampling';
import { type AdapterResolver } from './adapter.ts';
import { generate } from './generate.ts';
import { score } from './score.ts';

/** The service, ready to be served. */
export function generatorService(pool: SamplingPool, resolveAdapter: AdapterResolver): ServedService {
  return {
    definition: GeneratorServiceService,
    implementation: {
      describeModel: unaryHandler((): DescribeModelResponse => ({ ...pool.describe(), backend: 'engine' })),
      generate: serverStreamHandler<GenerateRequest, GenerateResponse>((request, { signal }) =>
        generate(pool, resolveAdapter, request, signal),
      ),
      score: bidiHandler<ScoreRequest, ScoreResponse>((requests, { signal }) =>
        score(pool, resolveAdapter, requests, signal),
      ),
    },
  };
}
