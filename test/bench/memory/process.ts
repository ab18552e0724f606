// The process that a case is measured in: node test/bench/memory/process.ts <model folder> <folder> <case as JSON>.
// Does what the service does, in
// a process that has loaded what the service loads, and prints its highest resident memory in bytes.
import { readFileSync } from 'node:fs';
import { readDecoderConfig } from '@overtone/language-model';
import '@overtone/rpc';
import { SamplingPool } from '@overtone/sampling';
import '@overtone/telemetry/register';
import { trainInThread } from '@overtone/training';
import { LORA } from '../lora.ts';
import { type MemoryCase, type SamplingCase, type TrainingCase } from './cases.ts';
import { DATASET } from './dataset.ts';
import { CACHE_BYTES } from './predict.ts';
import { PLAIN_ADAMW } from '../plain-adamw.ts';

const THREADS = 2;

async function train(model: string, place: string, memory: TrainingCase): Promise<void> {
  const options = {
    model,
    dataset: `${place}/${DATASET}`,
    objective: memory.objective,
    lora: memory.trained === 'adapter' ? LORA : undefined,
    optimizer: { ...PLAIN_ADAMW, learningRate: 1e-4 },
    batching: { groupsPerStep: memory.sequences / memory.solutions, steps: memory.steps },
    seed: 1,
    maxLength: memory.length,
    snapshotEverySteps: 0,
  } as const;
  const hardware = { device: 'cpu', precision: memory.precision } as const;
  const run = { folder: `${place}/run`, threads: THREADS, hardware };
  for await (const event of trainInThread({ options, run }))
    if (event.type === 'step') process.stderr.write(`step ${event.step}\n`);
}

async function sample(
  model: string,
  { workers, slots, promptTokens, newTokens, precision }: SamplingCase,
): Promise<void> {
  const { vocabSize } = await readDecoderConfig(model);
  const hardware = { device: 'cpu', precision } as const;
  const pool = await SamplingPool.open({ model, workers, slots, cacheBytes: CACHE_BYTES, hardware });
  const prompts = Array.from({ length: workers * slots }, (_, index) => ({
    id: String(index),
    tokens: Int32Array.from(
      { length: promptTokens },
      (_, at) => 5 + ((31 * index + 7 * at) % (vocabSize - 5)),
    ),
  }));
  const options = { samples: 1, maxNewTokens: newTokens, temperature: 1, topP: 1, seed: 1 };
  const finished: { prompt: Int32Array; tokens: number[] }[] = [];
  for await (const { promptId, tokens } of pool.generate({ prompts, options })) {
    const prompt = prompts[Number(promptId)];
    if (prompt) finished.push({ prompt: prompt.tokens, tokens: Array.from(tokens) });
  }
  await pool.score({
    items: finished.map(({ prompt, tokens }) => ({ tokens: prompt, target: { tokens } })),
  });
  await pool.close();
}

/** VmHWM where the system has it. */
function highestResident(): number {
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kibibytes !== undefined) return 1024 * Number(kibibytes);
  } catch {
    // Not Linux.
  }
  return 1024 * process.resourceUsage().maxRSS;
}

const [model, place, asked] = process.argv.slice(2);
if (model === undefined || place === undefined || asked === undefined)
  throw new Error('Usage: process.ts <model folder> <folder> <case>');
const memory = JSON.parse(asked) as MemoryCase;
if (memory.kind === 'training') await train(model, place, memory);
else await sample(model, memory);
process.stdout.write(`${JSON.stringify({ bytes: highestResident() })}\n`);
process.exit(0);
