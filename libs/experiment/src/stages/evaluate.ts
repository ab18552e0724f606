// Evaluate: an adapter, or the base model, on the questions of a split.
import type { ArtifactRef } from '@overtone/artifacts';
import type { EvaluatedSample } from '@overtone/contracts';
import type { QuestionOutcome } from '@overtone/report';
import type { Problem, Prompt, Verifier } from '@overtone/tasks';
import { z } from 'zod';
import type { Decoding } from '../config/schema.ts';
import { findOrMake, readRows, type RunContext } from '../run-context.ts';
import { outlastRestarts } from '../services.ts';
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
}

const row = z.object({ problemId: z.string(), sampleIndex: z.int(), text: z.string(), correct: z.boolean() });
type Row = z.infer<typeof row>;

const EVALUATION_DEADLINE_MS = 3_600_000;

/** Each question's correct samples. */
export async function evaluate(context: RunContext, options: EvaluateOptions): Promise<QuestionOutcome[]> {
  const { label, model, adapter, problems, prompt, decoding, bootstrapSeed, verifier } = options;
  const stage = context.progress.stage('evaluate');
  const sampling = samplingParameters(decoding);
  return stage.run(async () => {
    const { ref, reused } = await findOrMake(context, {
      stage: 'evaluate',
      label,
      key: {
        model,
        adapter: adapter?.sha256 ?? null,
        prompt: { ...prompt, turns: prompt.turns.map((turn) => ({ ...turn })) },
        sampling: { ...sampling },
        verifier: verifier.identity,
        problems: problems.map((problem) => ({ ...problem })),
      },
      make: () =>
        outlastRestarts(
          [context.services.evaluator, context.services.generator],
          async () => {
            const request = {
              adapter,
              problems: [...problems],
              sampling,
              promptTemplate: prompt.template,
              turns: [...prompt.turns],
              bootstrapSeed,
              verifierSha256: verifier.sha256,
            };
            const samples: EvaluatedSample[] = [];
            try {
              for await (const { event } of context.services.evaluator.evaluate(request, {
                signal: context.signal,
                timeoutMs: EVALUATION_DEADLINE_MS,
              })) {
                if (event?.$case !== 'sample') continue;
                samples.push(event.value);
                stage.advance(1);
              }
              return await context.store.writeJsonl(inOrder(samples, problems, decoding.samples));
            } catch (error) {
              stage.advance(-samples.length);
              throw error;
            }
          },
          context,
        ),
    });
    const rows = await readRows(context.store, ref, (value) => row.parse(value));
    if (reused) stage.advance(rows.length, true);
    return outcomes(rows, problems);
  }, label);
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

function outcomes(rows: readonly Row[], problems: readonly Problem[]): QuestionOutcome[] {
  const byProblem = Map.groupBy(rows, ({ problemId }) => problemId);
  return problems.map(({ id, difficulty }) => {
    const own = byProblem.get(id) ?? [];
    return {
      problemId: id,
      difficulty,
      samples: own.length,
      correct: own.filter(({ correct }) => correct).length,
    };
  });
}
