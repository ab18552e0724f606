// The load of the measurement: a client process that samples and judges over gRPC, once for every line that it reads, and answers with the
// time that it took. Always the same work: what comes out depends on seeds alone.
import { createInterface } from 'node:readline';
import { GeneratorServiceClient, JudgeServiceClient } from '@overtone/contracts';
import { connect } from '@overtone/rpc';
import { shutdownTelemetry, withSpan } from '@overtone/telemetry';

const [generatorAddress = '', modelJudgeAddress = '', rubricAddress = ''] = process.argv.slice(2);
const generator = connect(GeneratorServiceClient, generatorAddress);
const modelJudge = connect(JudgeServiceClient, modelJudgeAddress);
const rubric = connect(JudgeServiceClient, rubricAddress);

/** Samples solutions of small sums. */
async function sample(prompts: number): Promise<void> {
  const request = {
    prompts: Array.from({ length: prompts }, (_, index) => ({
      id: `sum-${index}`,
      messages: [{ role: 'user', content: `What is ${2 + (index % 7)} + ${3 + (index % 5)}?` }],
    })),
    sampling: { samples: 16, temperature: 1, topP: 1, maxNewTokens: 96, seed: 1, stop: [] },
    adapter: undefined,
  };
  let samples = 0;
  for await (const { completionTokens } of generator.generate(request))
    samples += Number(completionTokens > 0);
  if (samples !== 16 * prompts) throw new Error(`${samples} samples came of ${16 * prompts}`);
}

/** Compares pairs of solutions. */
async function judge(remote: typeof rubric, pairs: number): Promise<void> {
  const requests = Array.from({ length: pairs }, (_, index) => ({
    id: String(index),
    question: `What is ${index} + ${index + 1}?`,
    first: `Let us add ${index} and ${index + 1}. ${index} + ${index + 1} = ${2 * index + 1}. The answer is ${2 * index + 1}.`,
    second: `${2 * index + 1}`,
  }));
  let verdicts = 0;
  for await (const { id } of remote.compare(requests)) verdicts += Number(id !== '');
  if (verdicts !== pairs) throw new Error(`${verdicts} verdicts came of ${pairs}`);
}

const loads: Readonly<Record<string, () => Promise<void>>> = {
  sampling: () => sample(48),
  judging: () => judge(modelJudge, 1200),
  rubric: () => judge(rubric, 12_000),
};

process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const load = loads[line];
  if (load === undefined) break;
  const started = performance.now();
  await withSpan('overtone.run', { 'overtone.experiment': line }, load);
  process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - started) / 1000 })}\n`);
}
for (const remote of [generator, modelJudge, rubric]) remote.close();
await shutdownTelemetry();
