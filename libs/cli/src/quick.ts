// `--quick`: the same experiment with less of everything, to see that it runs. Its numbers are too noisy to conclude from.
import type { ExperimentFile } from '@overtone/experiment/prepare';

/** A smaller version of an experiment: fewer questions, fewer samples, fewer steps; all arms remain. */
export function quicken(file: ExperimentFile): ExperimentFile {
  const { task } = file;
  const { objectives, evaluation } = file;
  return {
    ...file,
    name: `${file.name} (quick)`,
    task: task.kind === 'chain-sum' ? fewerQuestions(task) : task,
    objectives: Object.fromEntries(
      Object.entries(objectives).map(([name, objective]) => [
        name,
        { ...objective, steps: Math.ceil(objective.steps / 4) },
      ]),
    ),
    evaluation: { ...evaluation, samples: Math.min(evaluation.samples, 4) },
  };
}

type ChainSumTask = Extract<ExperimentFile['task'], { kind: 'chain-sum' }>;

function fewerQuestions(task: ChainSumTask): ChainSumTask {
  const atMost = (split: ChainSumTask['train'], count: number): ChainSumTask['train'] =>
    'size' in split
      ? { ...split, size: Math.min(split.size, count) }
      : { ...split, count: Math.min(split.count, count) };
  return {
    ...task,
    train: atMost(task.train, 64),
    development: task.development === undefined ? undefined : atMost(task.development, 16),
    easy: atMost(task.easy, 16),
    hard: atMost(task.hard, 24),
  };
}
