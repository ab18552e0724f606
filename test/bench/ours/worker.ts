// Overtone as a contestant: node test/bench/ours/worker.ts <model folder> <threads> [precision]. A request a line, an answer a line. Samples and scores
// come from a pool with a worker a thread, as the generator service has it.
import { createInterface } from 'node:readline';
import { loadModel } from '@overtone/language-model';
import {
  hostParameters,
  Sampler,
  SamplingPool,
  type ScoringRequestItem,
  TeacherForcing,
} from '@overtone/sampling';
import { readHardware } from '@overtone/tensor';
import { ProgramObserver } from '../work/observe-programs.ts';
import { decodeSteps } from './decode-steps.ts';
import { measurePeaks } from './peaks.ts';
import { type Request, type SampleRequest, type ScoreRequest } from './requests.ts';
import { TrainingRun } from './training-run.ts';

const [folder, threadsGiven, precisionGiven] = process.argv.slice(2);
if (folder === undefined || threadsGiven === undefined)
  throw new Error('Usage: worker.ts <model folder> <threads> [precision]');
const threads = Number(threadsGiven);
const hardware = readHardware({ OVERTONE_PRECISION: precisionGiven });
using observer = new ProgramObserver();

type Loaded = Awaited<ReturnType<typeof load>>;
let loaded: Loaded | undefined;
let pool: SamplingPool | undefined;
let training: TrainingRun | undefined;

async function load(path: string) {
  const { config, parameters, tokenizer } = await loadModel(path);
  return { config, tokenizer, weights: hostParameters(parameters) };
}

const optionsOf = ({ samples, newTokens }: SampleRequest) => ({
  samples,
  maxNewTokens: newTokens,
  temperature: 1,
  topP: 1,
  seed: 1,
  // All contestants sample equally many tokens.
  ignoreEos: true,
});
const promptsOf = ({ prompts }: SampleRequest) =>
  prompts.map((tokens, index) => ({ id: String(index), tokens }));

async function sample(workers: SamplingPool, request: SampleRequest): Promise<void> {
  const wanted = request.prompts.length * request.samples * request.newTokens;
  let sampled = 0;
  const call = workers.generate({ prompts: promptsOf(request), options: optionsOf(request) });
  for await (const { tokens } of call) sampled += tokens.length;
  if (sampled !== wanted) throw new Error(`sampled ${sampled} tokens, expected ${wanted}`);
}

async function score(workers: SamplingPool, { items, alternatives }: ScoreRequest): Promise<void> {
  const wanted = items.flatMap(({ prompt, continuations }): ScoringRequestItem[] =>
    alternatives === true
      ? [{ tokens: prompt, target: { continuations } }]
      : continuations.map((tokens) => ({ tokens: prompt, target: { tokens } })),
  );
  await workers.score({ items: wanted });
}

async function macsOf(request: SampleRequest | ScoreRequest): Promise<number> {
  const { config, tokenizer, weights } = (loaded ??= await load(folder ?? ''));
  observer.take();
  if (request.op === 'sample') {
    const model = { config, eosTokenId: tokenizer.eosTokenId, padTokenId: tokenizer.padTokenId };
    const sampler = new Sampler(model, { threads });
    for await (const _ of sampler.sample(weights, promptsOf(request), optionsOf(request)));
    await sampler.dispose();
  } else {
    const scoring = new TeacherForcing(config, { threads });
    await scoring.score(weights, request.items);
    await scoring.dispose();
  }
  return macs();
}

async function answer(request: Request): Promise<Record<string, number>> {
  if (request.op === 'memory') return { peakBytes: process.resourceUsage().maxRSS * 1024 };
  if (request.op === 'peaks') return measurePeaks(threads);
  if (request.op === 'train') {
    // The run reads the model itself, as the trainer does.
    training ??= await TrainingRun.start(folder ?? '', threads, request, hardware);
    observer.take();
    const began = performance.now();
    await training.take(request.steps);
    return { seconds: (performance.now() - began) / 1000, macs: macs() };
  }
  if (request.op === 'decode') return decodeSteps((loaded ??= await load(folder ?? '')), threads, request);
  if (request.op === 'count') return { macs: await macsOf(request.of) };
  pool ??= await SamplingPool.open({ model: folder ?? '', workers: threads, hardware });
  const began = performance.now();
  if (request.op === 'sample') await sample(pool, request);
  else await score(pool, request);
  return { seconds: (performance.now() - began) / 1000 };
}

function macs(): number {
  return Object.values(observer.take()).reduce((sum, work) => sum + work.macs, 0);
}

const say = (answered: Readonly<Record<string, unknown>>): void => console.log(JSON.stringify(answered));
say({ ready: { node: process.version } });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    say(await answer(JSON.parse(line) as Request));
  } catch (error) {
    say({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
await training?.end();
await pool?.close();
process.exit(0);
