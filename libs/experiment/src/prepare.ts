// Everything before the first RPC: the experiment file, its questions, the run folder. Free of gRPC, so that a command can
// refuse bad input, and start telemetry, before anything that telemetry has to watch is loaded.
import type { Experiment } from './config/load.ts';
import { exampleTurns, type Prompt, type Verifier } from '@overtone/tasks';
import { loadSplits, type Splits } from './problems.ts';
import { RunFolder } from './run-folder.ts';
import { verifierOf } from './verifier.ts';

export {
  type Arm,
  type Experiment,
  type ExperimentOverrides,
  loadExperiment,
  parseExperiment,
} from './config/load.ts';
export { loadObjective, type Setting } from './config/objective-file.ts';
export { mustBeFetched } from './config/model-reference.ts';
export { DEFAULT_DECODING, type EvaluationTask, loadEvaluationTask } from './evaluation/task.ts';
export { parseGenerator } from './config/generator.ts';
export type { Decoding, ExperimentFile, Objective, Signal, SplitName } from './config/schema.ts';
export { unknownName } from './config/strict.ts';
export { InputError } from './input-error.ts';
export { loadSplits, type Splits } from './problems.ts';
export { type Manifest, readManifest, RunFolder } from './run-folder.ts';
export { type Work, workOf } from './work.ts';

/** An experiment that is ready to run. */
export interface PreparedRun {
  readonly experiment: Experiment;
  readonly splits: Splits;
  /** How questions are put to the model. */
  readonly prompt: Prompt;
  /** Decides whether a solution is correct. */
  readonly verifier: Verifier;
  readonly folder: RunFolder;
}

/** What an experiment asks, and how. @throws InputError when the questions or the verifier cannot be worked with. */
export async function prepareQuestions({
  task,
}: Experiment): Promise<Omit<PreparedRun, 'experiment' | 'folder'>> {
  const verifier = await verifierOf(task);
  const splits = await loadSplits(task);
  const prompt = { template: task.prompt, turns: exampleTurns(task.prompt, splits.examples) };
  return { splits, prompt, verifier };
}

/**
 * Draws or reads the questions and opens the run folder.
 *
 * @param out the run folder; created where missing.
 * @param force take the folder over from a run with another configuration. Default false.
 * @throws InputError when the questions or the folder cannot be worked with; nothing is written then.
 */
export async function prepareRun(
  experiment: Experiment,
  { out, force = false }: { out: string; force?: boolean },
): Promise<PreparedRun> {
  const questions = await prepareQuestions(experiment);
  return { experiment, ...questions, folder: await RunFolder.open(out, experiment, { force }) };
}
