// How long a run will take, from a few of its own steps: every step has the same shape, and so takes about the same time.
import { type Computing, type PreparedTraining, prepareTraining } from './prepare-training.ts';
import { referenceLogprobs } from './reference-logprobs.ts';
import { initialState, type TrainingOptions } from './run-training.ts';
import { createStepRunner } from './step-runner.ts';

/** What a few steps took, seconds. */
export interface TrainingMeasure {
  /** A step: the median of those measured. */
  readonly step: number;
  /** The reference log-probabilities of all examples, from those of one run of the program; 0 where none are needed. */
  readonly references: number;
  /** Loading the model and compiling the programs. */
  readonly start: number;
  /** All of the run. */
  readonly total: number;
}

/** The first step warms up. */
const MEASURED = 3;

/**
 * Takes the first steps of a run, and forgets them.
 *
 * @throws {TrainingError} when the data cannot be trained on.
 * @throws {ModelError} when the model cannot be loaded.
 */
export async function measureTraining(
  options: TrainingOptions,
  computing: Computing = {},
): Promise<TrainingMeasure> {
  const began = performance.now();
  const since = (from: number): number => (performance.now() - from) / 1000;
  const prepared: PreparedTraining = await prepareTraining(options, computing);
  const { model, batch, plan, runs, weights, how } = prepared;
  const { signal } = computing;
  const { needsTokens: perToken } = options.objective;
  const of = { config: model.config, weights, batch, perToken, how, signal };
  let [references, oneRun] = [new Map() as Awaited<ReturnType<typeof referenceLogprobs>>, 0];
  if (options.objective.needsReference) {
    const timed = async (count: number): Promise<number> => {
      const from = performance.now();
      references = await referenceLogprobs(of, runs.slice(0, count));
      return since(from);
    };
    const first = await timed(1);
    // Compiling is in both; the difference is one run.
    oneRun = runs.length > 1 ? Math.max(0, (await timed(2)) - first) : first;
  }
  const runner = await createStepRunner(options, { prepared, references });
  const start = since(began);
  const times: number[] = [];
  try {
    const state = await initialState(options, prepared);
    for (let step = 0; step <= MEASURED; step++) {
      signal?.throwIfAborted();
      const from = performance.now();
      await runner.run(plan[step % plan.length] ?? [], state, 0);
      if (step > 0) times.push(since(from));
    }
  } finally {
    await runner.dispose();
  }
  const step = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
  const all = oneRun * runs.length;
  return { step, references: all, start, total: start + all + step * plan.length };
}
