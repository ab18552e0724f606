// Evaluate: an adapter, or the base model, on the questions of a split.
import type { ArtifactRef, ArtifactStore, Json } from '@overtone/artifacts';
import type { EvaluatedSample } from '@overtone/contracts';
import type { QuestionOutcome } from '@overtone/report';
import type { Problem, Prompt, Verifier } from '@overtone/tasks';
import type { Decoding } from '../config/schema.ts';
import { chunks, findOrMake, readRows, resultKey, type RunContext } from '../run-context.ts';
import { outlastRestarts, type Services } from '../services.ts';
import type { StyleOf } from '../task-style.ts';
import { evaluatedSample, type EvaluatedRow, outcomesOf } from './outcomes.ts';
import { samplingParameters } from './sample.ts';

/** What to evaluate, and how. */
export interface EvaluateOptions {
  /** For people, for example "dpo/self-judge seed 2, hard". */
  readonly label: string;
  /** SHA-256 of the model. */
  readonly model: string;
  /** The adapter; undefined means the base model. */
  readonly adapter: ArtifactRef | undefined;
  readonly problems: readonly Problem[];
  readonly prompt: Prompt;
  readonly decoding: Decoding;
  readonly bootstrapSeed: number;
  /** Decides whether a solution is correct; the evaluator must have the same. */
  readonly verifier: Verifier;
  /** Tells the styles of solutions apart. Default: they have none. */
  readonly style?: StyleOf | undefined;
  /** Questions after which what was sampled is kept, should the rest be interrupted. Default: all of them. */
  readonly chunk?: number;
}

const EVALUATION_DEADLINE_MS = 3_600_000;

/** What an evaluation works with: the part of a run's that it needs. */
export type EvaluationContext = Omit<RunContext, 'services'> & {
  readonly services: Pick<Services, 'evaluator' | 'generator'>;
};

/** What every question came to. */
export async function evaluate(
  context: EvaluationContext,
  options: EvaluateOptions,
): Promise<QuestionOutcome[]> {
  return outcomesOf(await evaluateSamples(context, options), options.problems, options);
}

/** Every question's samples, by question in the order given, then by index. */
export async function evaluateSamples(
  context: EvaluationContext,
  options: EvaluateOptions,
): Promise<EvaluatedRow[]> {
  const { label, problems, chunk = problems.length } = options;
  const stage = context.progress.stage('evaluate');
  const read = (ref: ArtifactRef) => readRows(context.store, ref, (value) => evaluatedSample.parse(value));
  return stage.run(async () => {
    const { ref, reused } = await findOrMake(context, {
      stage: 'evaluate',
      label,
      key: evaluationKey(options),
      make: async () => {
        if (chunk >= problems.length) return measure(context, options);
        const rows: EvaluatedRow[] = [];
        for (const [index, part] of chunks(problems, chunk).entries()) {
          const own = { ...options, problems: part };
          const found = await findOrMake(context, {
            stage: 'evaluate',
            label: `${label}, part ${index + 1}`,
            key: evaluationKey(own),
            make: () => measure(context, own),
          });
          const samples = await read(found.ref);
          if (found.reused) stage.advance(samples.length, true);
          rows.push(...samples);
        }
        return context.store.writeJsonl(rows);
      },
    });
    const rows = await read(ref);
    if (reused) stage.advance(rows.length, true);
    return rows;
  }, label);
}

/** How many of an evaluation's questions need not be sampled any more. */
export async function knownQuestions(store: ArtifactStore, options: EvaluateOptions): Promise<number> {
  const { problems, chunk = problems.length } = options;
  const isKnown = async (part: readonly Problem[]): Promise<boolean> =>
    (await store.resolve(resultKey('evaluate', evaluationKey({ ...options, problems: part })))) !== undefined;
  if (await isKnown(problems)) return problems.length;
  let known = 0;
  for (const part of chunks(problems, chunk)) if (await isKnown(part)) known += part.length;
  return known;
}

function evaluationKey({ model, adapter, prompt, decoding, verifier, problems }: EvaluateOptions): Json {
  return {
    model,
    adapter: adapter?.sha256 ?? null,
    prompt: { ...prompt, turns: prompt.turns.map((turn) => ({ ...turn })) },
    sampling: { ...samplingParameters(decoding) },
    verifier: verifier.identity,
    problems: problems.map((problem) => ({ ...problem })),
  };
}

/**
 * Samples and verifies, and stores the samples. After an interruption only the questions are asked for again whose samples did not all
 * come: a sample depends on its question and its index alone, so those of them that come once more are the same.
 */
async function measure(context: EvaluationContext, options: EvaluateOptions): Promise<ArtifactRef> {
  const { adapter, problems, prompt, decoding, bootstrapSeed, verifier } = options;
  const { evaluator, generator } = context.services;
  const stage = context.progress.stage('evaluate');
  const request = {
    adapter,
    sampling: samplingParameters(decoding),
    promptTemplate: prompt.template,
    turns: [...prompt.turns],
    bootstrapSeed,
    verifierSha256: verifier.sha256,
  };
  const samples = new Map<string, EvaluatedSample>();
  const open = new Map(problems.map(({ id }) => [id, decoding.samples]));
  const deadline = { signal: context.signal, timeoutMs: EVALUATION_DEADLINE_MS };
  await outlastRestarts(
    [evaluator, generator],
    async (progressed) => {
      const left = problems.filter(({ id }) => open.get(id) !== 0);
      if (left.length === 0) return;
      for await (const { event } of evaluator.evaluate({ ...request, problems: left }, deadline)) {
        if (event?.$case !== 'sample') continue;
        const { problemId, sampleIndex } = event.value;
        const place = `${sampleIndex} ${problemId}`;
        if (samples.has(place)) continue;
        samples.set(place, event.value);
        open.set(problemId, (open.get(problemId) ?? 0) - 1);
        stage.advance(1);
        progressed();
      }
    },
    context,
  );
  return context.store.writeJsonl(inOrder([...samples.values()], problems, decoding.samples));
}

/** Completion order depends on timing; the artifact must not. */
function inOrder(
  samples: readonly EvaluatedSample[],
  problems: readonly Problem[],
  k: number,
): EvaluatedSample[] {
  const byPlace = new Map(samples.map((sample) => [`${sample.sampleIndex} ${sample.problemId}`, sample]));
  return problems.flatMap(({ id }) =>
    Array.from({ length: k }, (_, index) => {
      const sample = byPlace.get(`${index} ${id}`);
      if (sample === undefined)
        throw new Error(`the evaluator sent no sample ${index} of "${id}"; it should send ${k} of each`);
      return sample;
    }),
  );
}
