// Overtone as a contestant: node test/bench/ours/worker.ts <model folder> <threads>. A request a line, an answer a line.
import { createInterface } from 'node:readline';
import { loadModel } from '@overtone/language-model';
import { hostParameters, Sampler, TeacherForcing } from '@overtone/sampling';
import { ProgramObserver } from '../work/observe-programs.ts';
import { decodeSteps } from './decode-steps.ts';
import { measurePeaks } from './peaks.ts';
import { type Request, type SampleRequest, type ScoreRequest } from './requests.ts';
import { TrainingRun } from './training-run.ts';

const [folder, threadsGiven] = process.argv.slice(2);
if (folder === undefined || threadsGiven === undefined)
  throw new Error('Usage: worker.ts <model folder> <threads>');
const threads = Number(threadsGiven);
using observer = new ProgramObserver();

type Loaded = Awaited<ReturnType<typeof load>>;
let loaded: Loaded | undefined;
let training: TrainingRun | undefined;
const samplers = new Map<number, Sampler>();
let scoring: TeacherForcing | undefined;

async function load(path: string) {
  const { config, parameters, tokenizer } = await loadModel(path);
  return { config, tokenizer, weights: hostParameters(parameters) };
}

async function sample(
  { config, tokenizer, weights }: Loaded,
  { prompts, samples, newTokens }: SampleRequest,
): Promise<void> {
  const slots = prompts.length * samples;
  // No token ends a sample, so that all contestants sample equally many.
  const model = { config, eosTokenId: -1, padTokenId: tokenizer.padTokenId };
  const sampler = samplers.get(slots) ?? new Sampler(model, { slots, threads });
  samplers.set(slots, sampler);
  const named = prompts.map((tokens, index) => ({ id: String(index), tokens }));
  const options = { samples, maxNewTokens: newTokens, temperature: 1, topP: 1, seed: 1 };
  let tokens = 0;
  for await (const finished of sampler.sample(weights, named, options)) tokens += finished.tokens.length;
  if (tokens !== slots * newTokens)
    throw new Error(`sampled ${tokens} tokens, expected ${slots * newTokens}`);
}

async function score({ config, weights }: Loaded, { items }: ScoreRequest): Promise<void> {
  scoring ??= new TeacherForcing(config, { threads });
  await scoring.score(weights, items);
}

async function answer(request: Request): Promise<Record<string, number>> {
  if (request.op === 'memory') return { peakBytes: process.resourceUsage().maxRSS * 1024 };
  if (request.op === 'peaks') return measurePeaks(threads);
  if (request.op === 'train') {
    // The run reads the model itself, as the trainer does.
    training ??= await TrainingRun.start(folder ?? '', threads, request);
    observer.take();
    const began = performance.now();
    await training.take(request.steps);
    return { seconds: (performance.now() - began) / 1000, macs: macs() };
  }
  loaded ??= await load(folder ?? '');
  if (request.op === 'decode') return decodeSteps(loaded, threads, request);
  observer.take();
  const began = performance.now();
  if (request.op === 'sample') await sample(loaded, request);
  else await score(loaded, request);
  return { seconds: (performance.now() - began) / 1000, macs: macs() };
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
process.exit(0);
