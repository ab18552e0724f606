// The judge process: serves JudgeService over the backend that the environment names (see configuration.ts).
import { join } from 'node:path';
import {
  analysisJudge,
  generatorJudge,
  loadTemplate,
  rubricJudge,
  type JudgeBackend,
} from '@overtone/judging';
import { connectGenerator, RpcError, runService } from '@overtone/rpc';
import { AnswerFile } from './answer-file.ts';
import { readConfiguration, type OpenAiConfiguration } from './configuration.ts';
import { judgeService } from './handlers.ts';
import { KeptAnswers, MOST_ANSWERS } from './kept-answers.ts';

/** A judge, and how it ends. */
interface Opened {
  readonly backend: JudgeBackend;
  readonly close?: () => Promise<void>;
}

async function openBackend(): Promise<Opened> {
  const configuration = readConfiguration(process.env);
  if (configuration.backend === 'rubric') return { backend: rubricJudge(configuration) };
  const template = loadTemplate(configuration.template);
  if (configuration.backend === 'openai') return openApi({ ...configuration, template });
  const { generator, name, analysisTokens } = configuration;
  const model = connectGenerator(generator);
  return {
    backend:
      analysisTokens > 0
        ? analysisJudge({ model, template, name, analysisTokens })
        : generatorJudge({ model, template, name }),
  };
}

/** Refuses a wrong key or model here and now. An API that is down may come up: the callers will see. */
async function openApi(
  configuration: Omit<OpenAiConfiguration, 'template'> & { template: ReturnType<typeof loadTemplate> },
): Promise<Opened> {
  // It brings an HTTP client along, which other judges start sooner without.
  const { openAiJudge } = await import('@overtone/judging/openai');
  const backend = openAiJudge({
    ...configuration,
    keyHint: 'OVERTONE_JUDGE_API_KEY, or OVERTONE_JUDGE_API_KEY_FILE to the file that holds the key',
  });
  try {
    await backend.describe(AbortSignal.timeout(STARTUP_MS));
  } catch (error) {
    if (error instanceof RpcError && error.codeName === 'FAILED_PRECONDITION') {
      await backend.close();
      throw error;
    }
  }
  const { state, concurrency } = configuration;
  const file = state === undefined ? undefined : new AnswerFile(join(state, 'answers.jsonl'), MOST_ANSWERS);
  const kept = new KeptAnswers(backend, { concurrency, file });
  return {
    backend: kept,
    close: async () => {
      await kept.close(ENDING_MS);
      await backend.close();
      file?.close();
    },
  };
}

/** Longest that answers which are under way are waited for at the end. */
const ENDING_MS = 5_000;
/** Longest that the first question to an API may take. */
const STARTUP_MS = 5_000;

try {
  const { backend, close } = await openBackend();
  await runService({
    name: 'judge',
    services: [judgeService(backend)],
    ...(close === undefined ? {} : { onClose: close }),
  });
} catch (error) {
  process.stderr.write(`judge: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
