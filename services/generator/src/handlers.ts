// GeneratorService over a backend: validates requests and hands them on.
import {
  GeneratorServiceService,
  type DescribeModelResponse,
  type GenerateRequest,
  type GenerateResponse,
  type ScoreRequest,
  type ScoreResponse,
} from '@overtone/contracts';
import { bidiHandler, serverStreamHandler, unaryHandler, type ServedService } from '@overtone/rpc';
import { type AdapterResolver } from './adapter.ts';
import { type GeneratorBackend } from './backend.ts';
import { generate } from './generate.ts';
import { score } from './score.ts';

/** The service, ready to be served. */
export function generatorService(backend: GeneratorBackend, resolveAdapter: AdapterResolver): ServedService {
  return {
    definition: GeneratorServiceService,
    implementation: {
      describeModel: unaryHandler((): DescribeModelResponse => backend.describe()),
      generate: serverStreamHandler<GenerateRequest, GenerateResponse>((request, { signal }) =>
        generate(backend, resolveAdapter, request, signal),
      ),
      score: bidiHandler<ScoreRequest, ScoreResponse>((requests, { signal }) =>
        score(backend, resolveAdapter, requests, signal),
      ),
    },
  };
}
