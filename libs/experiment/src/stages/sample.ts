// Sample: N solutions of every question, in chunks of questions.
import type { ArtifactRef, Json } from '@overtone/artifacts';
import type { GenerateRequest, GenerateResponse, SamplingParameters } from '@overtone/contracts';
import { askingTurns, type Problem, type Prompt } from '@overtone/tasks';
import type { Decoding } from '../config/schema.ts';
import { chunks, findOrMake, readRows, type RunContext } from '../run-context.ts';
import { outlastRestarts } from '../services.ts';
import { parseSampledSolution, type SampledSolution } from '../solutions.ts';

/** What to sample. */
export interface SampleOptions {
  /** SHA-256 of the model. */
  readonly model: string;
  /** The adapter to sample with. Default: the base model. */
  readonly adapter?: ArtifactRef | undefined;
  /** What is sampled, for people, for example "dpo/self-judge seed 1 round 2". Default nothing. */
  readonly detail?: string;
  readonly problems: readonly Problem[];
  readonly prompt: Prompt;
  readonly decoding: Decoding;
  /** Questions per chunk. */
  readonly chunk: number;
  /** Whether a signal needs top entropies, which what was sampled before they were recorded lacks. */
  readonly topEntropies?: boolean;
}

/** Samples solutions of all problems: by problem in the order given, then by index. */
export async function sample(context: RunContext, options: SampleOptions): Promise<SampledSolution[]> {
  const { model, adapter, detail, problems, prompt, decoding, chunk, topEntropies = false } = options;
  const stage = context.progress.stage('sample');
  stage.expect(problems.length * decoding.samples);
  return stage.run(async () => {
    const solutions: SampledSolution[] = [];
    for (const [index, part] of chunks(problems, chunk).entries()) {
      const prompts = promptsOf(part, prompt);
      const sampling = samplingParameters(decoding);
      const { ref, reused } = await findOrMake(context, {
        stage: 'sample',
        label: `chunk ${index + 1}`,
        key: samplingKey({ model, adapter, prompt, decoding, topEntropies }, part),
        make: async () => {
          const rows = await sampleWhole(context, { adapter, prompts, sampling });
          return context.store.writeJsonl(inOrder(rows, part, decoding.samples));
        },
      });
      const rows = await readRows(context.store, ref, parseSampledSolution);
      if (reused) stage.advance(rows.length, true);
      solutions.push(...rows);
    }
    return solutions;
  }, detail);
}

/**
 * Every sample that is asked for. After an interruption only the prompts are asked for again that did not come whole: a sample depends on
 * its prompt and its index alone, so those of them that come once more are the same.
 */
async function sampleWhole(
  { progress, services: { generator }, ...context }: RunContext,
  {
    prompts,
    sampling,
    ...request
  }: Pick<GenerateRequest, 'adapter' | 'prompts'> & { readonly sampling: SamplingParameters },
): Promise<SampledSolution[]> {
  const stage = progress.stage('sample');
  const rows = new Map<string, SampledSolution>();
  const open = new Map(prompts.map(({ id }) => [id, sampling.samples]));
  const options = { signal: context.signal, timeoutMs: SAMPLING_DEADLINE_MS };
  await outlastRestarts(
    [generator],
    async (progressed) => {
      const left = prompts.filter(({ id }) => open.get(id) !== 0);
      if (left.length === 0) return;
      for await (const response of generator.generate({ ...request, prompts: left, sampling }, options)) {
        const { promptId, sampleIndex } = response;
        const place = `${sampleIndex} ${promptId}`;
        if (rows.has(place)) continue;
        rows.set(place, toSolution(response));
        open.set(promptId, (open.get(promptId) ?? 0) - 1);
        stage.advance(1);
        progressed();
      }
    },
    { signal: context.signal, progress },
  );
  return [...rows.values()];
}

function promptsOf(problems: readonly Problem[], prompt: Prompt) {
  return problems.map((problem) => ({
    id: problem.id,
    messages: askingTurns(prompt, problem).map((turn) => ({ ...turn })),
  }));
}

/** Everything that determines the samples of a chunk. */
export function samplingKey(
  {
    model,
    adapter,
    prompt,
    decoding,
    topEntropies = false,
  }: Pick<SampleOptions, 'model' | 'adapter' | 'prompt' | 'decoding' | 'topEntropies'>,
  chunk: readonly Problem[],
): Json {
  return {
    model,
    adapter: adapter?.sha256,
    prompts: promptsOf(chunk, prompt),
    sampling: { ...samplingParameters(decoding) },
    topEntropies: topEntropies || undefined,
  };
}

/** Longest a chunk may take. */
const SAMPLING_DEADLINE_MS = 3_600_000;

/** The message that says how to sample. */
export function samplingParameters({ samples, temperature, topP, maxNewTokens, seed, stop }: Decoding) {
  return { samples, temperature, topP, maxNewTokens, seed, stop };
}

function toSolution(response: GenerateResponse): SampledSolution {
  const mean = (values: readonly number[]): number =>
    values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    problemId: response.promptId,
    index: response.sampleIndex,
    text: response.text,
    meanEntropy: mean(response.tokenEntropies),
    meanLogprob: mean(response.tokenLogprobs),
    tokens: response.completionTokens || response.tokenIds.length,
    ...(response.tokenEntropies.length === 0 ? {} : { topEntropy: topEntropy(response.tokenEntropies) }),
  };
}

/** Mean of the largest tenth of the entropies, at least one of them. */
export function topEntropy(entropies: readonly number[]): number {
  const count = Math.max(1, Math.floor(entropies.length / 10));
  const largest = entropies.toSorted((a, b) => b - a).slice(0, count);
  return largest.reduce((sum, entropy) => sum + entropy, 0) / count;
}

/** Completion order depends on timing; the artifact must not. */
function inOrder(
  rows: readonly SampledSolution[],
  problems: readonly Problem[],
  samples: number,
): SampledSolution[] {
  const byPlace = new Map(rows.map((row) => [`${row.index} ${row.problemId}`, row]));
  return problems.flatMap((problem) =>
    Array.from({ length: samples }, (_, index) => {
      const row = byPlace.get(`${index} ${problem.id}`);
      if (row === undefined)
        throw new Error(
          `the generator sent no sample ${index} of "${problem.id}"; it should send ${samples} of each`,
        );
      return row;
    }),
  );
}
