// The judge process: serves JudgeService over the backend that the environment names (see configuration.ts).
import { GeneratorServiceClient } from '@overtone/contracts';
import { generatorJudge, loadTemplate, rubricJudge, type JudgeBackend } from '@overtone/judging';
import { connect, runService } from '@overtone/rpc';
import { readConfiguration } from './configuration.ts';
import { judgeService } from './handlers.ts';

function openBackend(): JudgeBackend {
  const configuration = readConfiguration(process.env);
  if (configuration.backend === 'rubric') return rubricJudge(configuration);
  return generatorJudge({
    model: connect(GeneratorServiceClient, configuration.generator),
    template: loadTemplate(configuration.template),
    name: configuration.name,
  });
}

try {
  await runService({ name: 'judge', services: [judgeService(openBackend())] });
} catch (error) {
  process.stderr.write(`judge: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
