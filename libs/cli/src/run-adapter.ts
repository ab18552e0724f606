// An adapter of a run: which weights they are, and the card that says what they came to.
import type { ArtifactRef } from '@overtone/artifacts';
import { type RunRecord, storeOf } from '@overtone/experiment/history';
import { InputError, unknownName } from '@overtone/experiment/prepare';
import { formatShare, type Report, type ReportedArm } from '@overtone/report';
import { z } from 'zod';
import { hubNameOf, type ModelCard, publicName } from './model-card.ts';
import { trainingFacts } from './training-facts.ts';

/** An adapter of a run. */
export interface RunAdapter {
  readonly arm: string;
  readonly seed: number;
  readonly step: number;
  readonly weights: ArtifactRef;
  readonly card: ModelCard;
}

const trained = z.object({
  snapshots: z.array(
    z.object({ step: z.int(), weights: z.object({ sha256: z.string(), mediaType: z.string() }) }),
  ),
});
const configuration = z.object({
  name: z.string().default('experiment'),
  model: z.string().default(''),
  task: z.looseObject({ kind: z.string(), train: z.unknown() }).optional(),
  objectives: z.record(z.string(), z.unknown()).default({}),
  arms: z
    .array(z.looseObject({ name: z.string().optional(), signal: z.unknown(), objective: z.unknown() }))
    .default([]),
});

/**
 * Finds the weights that an arm was measured with.
 *
 * @param arm default: the only one.
 * @param seed default: the first.
 * @throws InputError when the run is not done, or there is no such adapter.
 */
export async function runAdapter(record: RunRecord, arm?: string, seed?: number): Promise<RunAdapter> {
  const { report, path, state } = record;
  if (report === undefined)
    throw new InputError(
      `${path} has no report (state: ${state}): continue the run; a card says what an adapter was measured to be worth`,
    );
  const arms = report.arms.filter(({ signal, objective }) => signal !== null || objective !== null);
  const names = arms.map(({ name }) => name);
  if (arm === undefined && names.length > 1)
    throw new InputError(`${path} has several arms; give one of them with --arm: ${names.join(', ')}`);
  const reported = arms.find(({ name }) => name === (arm ?? names[0]));
  if (reported === undefined) throw new InputError(`--arm: ${unknownName('arm', arm ?? '', names)}`);
  const training = reported.perSeed.find((one) => one.seed === (seed ?? reported.perSeed[0]?.seed));
  if (training?.seed === undefined || training.seed === null)
    throw new InputError(`--seed: ${reported.name} was trained with ${reported.seeds.join(', ')}`);
  const found = await weightsOf(record, reported.name, { ...training, seed: training.seed });
  return {
    arm: reported.name,
    seed: training.seed,
    ...found,
    card: cardOf(record, report, reported, { ...training, seed: training.seed, ...found }),
  };
}

type Training = Pick<ReportedArm['perSeed'][number], 'learningRate' | 'step' | 'rounds' | 'alarm'> & {
  readonly seed: number;
};

/** The weights of the last round that was trained. */
async function weightsOf(
  record: RunRecord,
  arm: string,
  { seed, rounds = [], ...last }: Training,
): Promise<{ step: number; weights: ArtifactRef }> {
  const chosen = rounds.findLast(({ step }) => step !== null) ?? { round: 1, ...last };
  if (chosen.step === null)
    throw new InputError(
      `${arm} seed ${seed} was not trained: its signal is not to be trusted, or was attenuated away`,
    );
  const place = `${arm} seed ${seed}${chosen.round > 1 ? ` round ${chosen.round}` : ''}`;
  const labels = [place, `${place} lr ${chosen.learningRate}`];
  const store = storeOf(record);
  for (const result of record.manifest.results.filter(
    ({ stage, label }) => stage === 'train' && labels.includes(label),
  )) {
    if (!(await store.has(result))) continue;
    for await (const { snapshots } of store.readJsonl(result, (value) => trained.parse(value))) {
      const snapshot = snapshots.find(({ step }) => step === chosen.step);
      if (snapshot !== undefined && (await store.has(snapshot.weights))) return snapshot;
    }
  }
  throw new InputError(
    `${record.path}: the adapter of ${place} at step ${chosen.step} is no longer in its store; run the experiment again`,
  );
}

const percent = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : formatShare(value);

function cardOf(
  { configuration: written, manifest }: RunRecord,
  report: Report,
  arm: ReportedArm,
  { seed, step, learningRate, alarm }: Training,
): ModelCard {
  const config = configuration.catch(configuration.parse({})).parse(written);
  const configured = config.arms.find(({ name }) => name === arm.name);
  const objective =
    typeof configured?.objective === 'string'
      ? config.objectives[configured.objective]
      : configured?.objective;
  const base = config.model === '' ? report.model.name : config.model;
  const task = config.task?.kind ?? 'task';
  const pin = hubNameOf(base)?.revision;
  const splits = ['hard', 'easy'] as const;
  const over = arm.perSeed.length === 1 ? '' : ` over ${arm.perSeed.length} training seeds`;
  return {
    title: `${report.name}: ${arm.name}, seed ${seed}`,
    summary: `A LoRA adapter of ${publicName(base)}, trained with Overtone on questions that the model already solves: of ${report.saturation.questions.toLocaleString('en')} training questions, the ${report.saturation.saturated.toLocaleString('en')} whose sampled solutions were all correct, ranked by the signal \`${arm.signal ?? ''}\`.`,
    baseModel: base,
    library: 'peft',
    tags: ['overtone', 'lora', 'peft', String(arm.objective ?? '').toLowerCase()].filter(Boolean),
    datasets: hubDatasets(config.task),
    metrics: splits.flatMap((split) => {
      const { avg, ci95, pass, passCi95 } = arm.eval[split];
      const dataset = `${report.name}, ${task}, ${split}`;
      return [
        { name: `avg@${report.samples}${over}`, dataset, value: avg, ci95 },
        { name: `pass@${report.samples}${over}`, dataset, value: pass, ci95: passCi95 ?? undefined },
      ];
    }),
    training: [
      ...trainingFacts(objective ?? { type: arm.objective ?? 'unknown' }),
      ['Seed', String(seed)],
      ...(learningRate === null ? [] : [['Learning rate', String(learningRate)] as const]),
      ['Weights', `of step ${step}${alarm === undefined ? '' : `; ${alarm}`}`],
      ['Task', `${task}; prompts and questions are in the run's config.yaml`],
      [
        'Base model',
        `${publicName(base)}${pin === undefined ? '' : ` at ${pin}`}, SHA-256 ${report.model.sha256}`,
      ],
    ],
    signal: signalFacts(report, arm.signal),
    evaluation: {
      header: [
        'split',
        'model',
        `avg@${report.samples} [95 %]`,
        `pass@${report.samples}`,
        '− base [95 %]',
        'p (Holm)',
      ],
      rows: splits.flatMap((split) =>
        report.arms
          .filter(({ name }) => name === 'base' || name === arm.name)
          .map(({ name, eval: measured, against }) => {
            const { avg, ci95, pass } = measured[split];
            const difference = against['base']?.[split];
            return [
              split,
              name === arm.name ? `**${name}**` : name,
              `${percent(avg)} [${ci95.map(percent).join(', ')}]`,
              percent(pass),
              difference === undefined
                ? ''
                : `${signed(difference.value)} [${difference.ci95.map(signed).join(', ')}]`,
              difference === undefined ? '' : (difference.pHolm ?? difference.pValue).toPrecision(2),
            ];
          }),
      ),
      note: `Over ${arm.perSeed.length === 1 ? 'one training seed' : `${arm.perSeed.length} training seeds, of which this adapter is one (${perSeed(arm, seed)})`}; intervals by bootstrap over questions, differences paired by question, p-values of a paired permutation test.`,
    },
    limits: [
      `It was trained and measured on one kind of question (${task}); what it does elsewhere was not measured.`,
      'The training data are solutions of the model itself that a verifier accepted: what the verifier cannot see, they may have learnt.',
      'It inherits the licence, the uses and the biases of the base model; it was not trained to be safe or to follow other instructions.',
    ],
    versions: [
      ['Overtone', manifest.overtone],
      ['Node', manifest.node],
      ['Run', `${manifest.created.slice(0, 10)}, seeds of training ${arm.seeds.join(', ')}`],
    ],
  };
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${formatShare(Math.abs(value))}`;

function perSeed(arm: ReportedArm, seed: number): string {
  const own = arm.perSeed.find((one) => one.seed === seed);
  return own === undefined
    ? `seed ${seed}`
    : `seed ${seed}: hard ${percent(own.eval.hard.avg)}, easy ${percent(own.eval.easy.avg)}`;
}

function signalFacts({ signals }: Report, name: string | null): [string, string][] | undefined {
  const signal = signals.find((one) => one.name === name);
  if (signal === undefined) return undefined;
  const interval = (ci95: readonly [number, number] | null): string =>
    ci95 === null ? '' : ` [${ci95.map((end) => end.toFixed(3)).join(', ')}]`;
  return [
    ['Signal', `${signal.name} (${signal.method}${signal.judge === null ? '' : `, judge ${signal.judge}`})`],
    ...(signal.recommendation === null
      ? []
      : [['Recommendation', `${signal.recommendation}. ${signal.reason ?? ''}`.trim()] as [string, string]]),
    ...(signal.kappa === null
      ? []
      : [
          [
            'Agreement with the auditor',
            `κ ${signal.kappa.toFixed(3)}${interval(signal.kappaCi95)}, τ ${signal.tau?.toFixed(3) ?? '–'}${interval(signal.tauCi95)}, ${signal.auditedPairs.toLocaleString('en')} pairs`,
          ] as [string, string],
        ]),
    ...(signal.orderConsistency === null
      ? []
      : [['Both orders agree', percent(signal.orderConsistency)] as [string, string]]),
    ['Correlation with length', `τ ${signal.lengthCorrelation.toFixed(3)}`],
  ];
}

/** Data sets of a task that are on the hub. */
function hubDatasets(task: unknown): string[] {
  const names = [...JSON.stringify(task ?? {}).matchAll(/hf:\/\/datasets\/([\w.-]+\/[\w.-]+)/g)];
  return [...new Set(names.flatMap(([, name]) => (name === undefined ? [] : [name])))];
}
