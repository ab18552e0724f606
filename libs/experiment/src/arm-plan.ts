// An arm's plan: what it learns from and with which objective, once the signal card has had its say.
import type { ArtifactRef } from '@overtone/artifacts';
import { attenuate, type AttenuatingCard } from './attenuation.ts';
import type { Arm, Experiment } from './config/load.ts';
import type { Objective } from './config/schema.ts';
import type { Splits } from './problems.ts';
import type { Progress } from './progress.ts';
import type { Scores } from './stages/score.ts';
import { learningRates, snapshotSteps } from './stages/select.ts';

/** What an arm will do. */
export type ArmPlan =
  | {
      readonly kind: 'train';
      readonly objective: Objective;
      readonly dataset: ArtifactRef;
      /** The flip rate in the objective; undefined where it is as the file says. */
      readonly flipRate?: number;
    }
  | { readonly kind: 'not-trained' };

/** What is known of signals, each computed when first asked for. */
export interface SignalSource {
  readonly card: (signal: string) => Promise<AttenuatingCard>;
  readonly scores: (signal: string) => Promise<Scores>;
  /** The training data; with a temperature, scores are divided by it. */
  readonly dataset: (signal: string, temperature?: number) => Promise<ArtifactRef>;
}

/** Plans an arm, and says so where a signal card has a part in it. */
export async function planArm(
  progress: Progress,
  { name, signal, objective }: Arm,
  source: SignalSource,
): Promise<ArmPlan> {
  if (objective.attenuate !== 'auto')
    return { kind: 'train', objective, dataset: await source.dataset(signal) };
  const [card, { byProblem }] = await Promise.all([source.card(signal), source.scores(signal)]);
  const scores = [...byProblem.values()].map((group) => group.map(({ score }) => score));
  const attenuation = attenuate(objective, card, scores);
  switch (attenuation.kind) {
    case 'not-trained':
      progress.say(`${name} is not trained, and is the base model in the report: ${attenuation.reason}`);
      return { kind: 'not-trained' };
    case 'as-is':
      progress.say(`${name} is trained as it is: the card of signal "${signal}" says use`);
      return { kind: 'train', objective, dataset: await source.dataset(signal) };
    case 'attenuated': {
      const { flipRate, temperature } = attenuation;
      progress.say(
        `${name} is attenuated by the flip rate of signal "${signal}", ${(flipRate * 100).toFixed(1)} %`,
      );
      const dataset = await source.dataset(signal, temperature);
      return { kind: 'train', objective: attenuation.objective, dataset, flipRate };
    }
  }
}

/** The objective's name in the report, with what the signal card made of it. */
export function plannedLabel(objective: Objective, plan: ArmPlan | undefined): string {
  const name =
    objective.type === 'rrhf' && objective.bradleyTerryWeights
      ? 'rrhf-bt'
      : objective.type === 'grpo'
        ? objective.lossType
        : objective.type;
  if (plan?.kind === 'not-trained') return `${name}, not trained`;
  return plan?.flipRate === undefined ? name : `${name}, flip rate ${plan.flipRate}`;
}

/**
 * Counts the work that was expected of an arm's seed as done, which is not done at all.
 *
 * @param settled whether the first seed would have chosen for this one.
 */
export function skipSeed(
  progress: Progress,
  { evaluation }: Experiment,
  { development = [] }: Splits,
  objective: Objective,
  settled: boolean,
): void {
  const chooses = objective.selection !== undefined && !settled;
  const tries = chooses ? learningRates(objective).length : 1;
  progress.stage('train').advance(objective.steps * tries, true);
  if (!chooses) return;
  const samples = objective.selection?.samples ?? evaluation.samples;
  const developed = tries * snapshotSteps(objective).length * development.length * samples;
  progress.stage('evaluate').advance(developed, true);
}
