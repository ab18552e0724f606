// The judge process: serves JudgeService over the backend that the environment names (see configuration.ts).
import { GeneratorServiceClient } from '@overtone/contracts';
import {
  analysisJudge,
  generatorJudge,
  loadTemplate,
  rubricJudge,
  type JudgeBackend,
} from '@overtone/judging';
import { openAiJudge } from '@overtone/judging/openai';
import { connect, RpcError, runService } from '@overtone/rpc';
import { readConfiguration, type OpenAiConfiguration } from './configuration.ts';
import { judgeService } from './handlers.ts';

async function openBackend(): Promise<JudgeBackend> {
  const configuration = readConfiguration(process.env);
  if (configuration.backend === 'rubric') return rubricJudge(configuration);
  const template = loadTemplate(configuration.template);
  if (configuration.backend === 'openai') return openApi({ ...configuration, template });
  const { generator, name, analysisTokens } = configuration;
  const model = connect(GeneratorServiceClient, generator);
  return analysisTokens > 0
    ? analysisJudge({ model, template, name, analysisTokens })
    : generatorJudge({ model, template, name });
}

/** Refuses a wrong key or model here and now. An API that is down may come up: the callers will see. */
async function openApi(
  configuration: Omit<OpenAiConfiguration, 'template'> & { template: ReturnType<typeof loadTemplate> },
): Promise<JudgeBackend> {
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
  return backend;
}

/** Longest that the first question to an API may take. */
const STARTUP_MS = 5_000;

try {
  await runService({ name: 'judge', services: [judgeService(await openBackend())] });
} catch (error) {
  process.stderr.write(`judge: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
