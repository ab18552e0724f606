// The card of an adapter that `overtone train` made: what is known of it without an evaluation.
import { basename } from 'node:path';
import type { Objective } from '@overtone/experiment/prepare';
import { OVERTONE_VERSION } from './version.ts';
import { publicName, renderModelCard } from './model-card.ts';
import { trainingFacts } from './training-facts.ts';

/** What was trained, and how it ended. */
export interface TrainedAdapter {
  readonly objective: Objective;
  /** The base model, as it was asked for. */
  readonly model: string;
  /** The file of groups. */
  readonly dataset: string;
  readonly groups: number;
  readonly seed: number;
  /** The step whose weights these are. */
  readonly step: number;
  readonly loss: number | null;
  /** What sounded an alarm, in words. */
  readonly alarms: readonly string[];
}

/** README.md. */
export function trainedCard(trained: TrainedAdapter): string {
  const { objective, model, dataset, groups, seed, step, loss, alarms } = trained;
  const from = publicName(model);
  return renderModelCard({
    title: `${objective.type} adapter of ${from}`,
    summary: `A LoRA adapter of ${from}, trained with Overtone (\`overtone train\`) on ${groups.toLocaleString('en')} scored groups of solutions.`,
    baseModel: model,
    library: 'peft',
    tags: ['overtone', 'lora', 'peft', objective.type],
    datasets: [],
    metrics: [],
    training: [
      ...trainingFacts(objective),
      ['Seed', String(seed)],
      ['Weights', `of step ${step}${loss === null ? '' : `; last loss ${loss.toPrecision(4)}`}`],
      ...alarms.map((alarm): [string, string] => ['Alarm', alarm]),
      ['Data', `${basename(dataset)}, ${groups.toLocaleString('en')} groups`],
      ['Base model', from],
    ],
    limits: [
      'It has not been evaluated: `overtone eval` measures it against its base model, with intervals.',
      'It learnt what the scores of its data prefer; how far they can be trusted is not known here.',
      'It inherits the licence, the uses and the biases of the base model.',
    ],
    versions: [
      ['Overtone', OVERTONE_VERSION],
      ['Node', process.version],
    ],
  });
}
