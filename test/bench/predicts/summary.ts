// What a sweep says: did the signal cards, made before anything was trained, tell the arms that helped from those that hurt?
import type { Report } from '@overtone/report';
import { spearman } from '@overtone/statistics';
import { table } from '../report.ts';

type Signal = Report['signals'][number];

/** A difference in avg@8 on hard questions, with its 95 % interval. */
interface Gain {
  readonly value: number;
  readonly ci95: readonly [number, number];
}

/** A signal, what its card says, and what training on it bought. */
export interface Outcome {
  readonly objective: string;
  readonly signal: Signal;
  readonly gain: Gain;
  readonly attenuated: Gain;
}

/** The arms of a sweep's report: `<objective>/<signal>` and `<objective>/<signal>/attenuated`. */
export function outcomesOf(report: Report): Outcome[] {
  const gains = new Map(
    report.arms.flatMap(({ name, against }) => (against.base ? [[name, against.base.hard] as const] : [])),
  );
  const objectives = new Set([...gains.keys()].map((name) => name.split('/')[0] ?? ''));
  return [...objectives].flatMap((objective) =>
    report.signals.map((signal) => {
      const [gain, attenuated] = ['', '/attenuated'].map((end) =>
        gains.get(`${objective}/${signal.name}${end}`),
      );
      if (!gain || !attenuated) throw new Error(`the report has no arms ${objective}/${signal.name}`);
      return { objective, signal, gain, attenuated };
    }),
  );
}

/**
 * Area under the ROC curve: the probability that a positive has a larger value than a negative, ties one half. Undefined
 * without both.
 */
export function areaUnderCurve(
  positives: readonly number[],
  negatives: readonly number[],
): number | undefined {
  if (positives.length === 0 || negatives.length === 0) return undefined;
  const wins = positives.flatMap((one) =>
    negatives.map((other): number => (one > other ? 1 : one === other ? 0.5 : 0)),
  );
  return wins.reduce((sum, win) => sum + win, 0) / wins.length;
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3).slice(1)}`;
const gainText = ({ value, ci95 }: Gain): string => `${signed(value)} [${ci95.map(signed).join(', ')}]`;
const share = (value: number | null): string => (value === null ? '–' : value.toFixed(3));
const interval = (ends: readonly [number, number] | null): string =>
  ends === null ? '' : ` [${ends.map((end) => end.toFixed(2)).join(', ')}]`;

/** Tables and figures in Markdown, an objective after another. */
export function summarise(report: Report): string {
  const outcomes = outcomesOf(report);
  return [...new Set(outcomes.map(({ objective }) => objective))]
    .map((objective) =>
      section(
        objective,
        outcomes.filter((outcome) => outcome.objective === objective),
      ),
    )
    .join('\n\n');
}

function section(objective: string, outcomes: readonly Outcome[]): string {
  const sorted = [...outcomes].sort((left, right) => flipRate(left) - flipRate(right));
  const rows = sorted.map(({ signal, gain, attenuated }) => [
    signal.name,
    signal.recommendation ?? '–',
    share(signal.flipRate?.value ?? null) + interval(signal.flipRate?.ci95 ?? null),
    share(signal.bestFlipRate?.value ?? null) + interval(signal.bestFlipRate?.ci95 ?? null),
    share(signal.tau) + interval(signal.tauCi95),
    gainText(gain),
    gainText(attenuated),
  ]);
  const clear = outcomes.filter(({ gain }) => gain.ci95[0] > 0 || gain.ci95[1] < 0);
  const recommended = (wanted: readonly string[]) =>
    outcomes.filter(({ signal }) => signal.recommendation !== null && wanted.includes(signal.recommendation));
  const meanGain = (some: readonly Outcome[]): string =>
    some.length === 0 ? '–' : signed(some.reduce((sum, { gain }) => sum + gain.value, 0) / some.length);
  const worst = outcomes.reduce((lowest, outcome) =>
    outcome.attenuated.value < lowest.attenuated.value ? outcome : lowest,
  );
  const below = outcomes.filter(({ attenuated }) => attenuated.ci95[1] < 0).map(({ signal }) => signal.name);
  const correlation = (of: (outcome: Outcome) => number): string =>
    spearman(
      outcomes.map(of),
      outcomes.map(({ gain }) => gain.value),
    )?.toFixed(2) ?? '–';
  return [
    `### ${objective}`,
    table(
      ['signal', 'recommendation', 'flip rate', 'of the best', 'tau', 'gain on hard as it is', 'attenuated'],
      rows,
    ),
    [
      ...Object.entries(ESTIMATES).map(
        ([name, estimate]) =>
          `- ${name}: AUC, arms that helped against arms that hurt, interval without zero (${clear.length} of ${outcomes.length}): ${aucOf(clear, estimate)}; ` +
          `over all by the sign of the gain: ${aucOf(outcomes, estimate)}; rank correlation with the gain ${correlation(estimate)}`,
      ),
      ...(['use', 'attenuate', 'do not train'] as const).map(
        (word) =>
          `- *${word}*: ${recommended([word]).length} signals, mean gain as they are ${meanGain(recommended([word]))}; ` +
          `helped ${recommended([word]).filter(({ gain }) => gain.ci95[0] > 0).length}, hurt ${recommended([word]).filter(({ gain }) => gain.ci95[1] < 0).length}`,
      ),
      `- attenuated arms below the base by more than their interval: ${below.length === 0 ? 'none' : below.join(', ')}; the lowest is ${worst.signal.name} with ${gainText(worst.attenuated)}`,
    ].join('\n'),
  ].join('\n\n');
}

/** What a card says of how good a signal is; larger is better. Signals without an estimate are taken for coins. */
const ESTIMATES: Readonly<Record<string, (outcome: Outcome) => number>> = {
  'recommendation, do not train < attenuate < use': ({ signal }) =>
    ['do not train', 'attenuate', 'use'].indexOf(signal.recommendation ?? ''),
  '1 − flip rate of the best': ({ signal }) => 1 - (signal.bestFlipRate?.value ?? 0.5),
  '1 − flip rate': (outcome) => 1 - flipRate(outcome),
  tau: ({ signal }) => signal.tau ?? 0,
};

const flipRate = ({ signal }: Outcome): number => signal.flipRate?.value ?? 0.5;

function aucOf(outcomes: readonly Outcome[], estimate: (outcome: Outcome) => number): string {
  const helped = outcomes.filter(({ gain }) => gain.value > 0);
  const hurt = outcomes.filter(({ gain }) => gain.value <= 0);
  const area = areaUnderCurve(helped.map(estimate), hurt.map(estimate));
  return `${area?.toFixed(3) ?? '–'} (${helped.length} against ${hurt.length})`;
}
