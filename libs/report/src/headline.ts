// The headline: what the best arm bought on hard questions, in a sentence with its interval.
import { formatShare } from './format.ts';
import { escapeHtml } from './html-escape.ts';
import { formatNeeded, judgedP } from './measurement-tables.ts';
import type { Report, ReportedArm, ReportedDifference } from './schema.ts';

/** The sentence, and those that put it into its place; HTML. */
export function headline(report: Report): { readonly sentence: string; readonly context: string } {
  const base = report.arms.find((arm) => arm.name === 'base');
  const trained = report.arms.flatMap((arm) => {
    const difference = arm.against['base']?.hard;
    return difference === undefined ? [] : [{ arm, difference }];
  });
  const best = trained.reduce<(typeof trained)[number] | undefined>(
    (left, one) => (left === undefined || one.arm.eval.hard.avg > left.arm.eval.hard.avg ? one : left),
    undefined,
  );
  if (base === undefined || best === undefined)
    return { sentence: 'The base model alone was measured.', context: '' };
  const { arm, difference } = best;
  const seen = difference.ci95[0] > 0;
  const p = judgedP(difference);
  const questions = difference.power?.questions ?? questionsOf(report);
  const scope = [
    `${questions === null ? '' : `${questions} questions × `}${report.samples}${questions === null ? ' samples' : ''}`,
    ...(arm.seeds.length > 0 ? [`${arm.seeds.length} seed${arm.seeds.length === 1 ? '' : 's'}`] : []),
  ].join(', ');
  const figures = `${interval(difference)}, ${p < 0.001 ? 'p &lt; .001' : `p = ${formatShare(p)}`}, ${scope}`;
  const sentence = seen
    ? `${nameOf(arm)} solves <strong>${points(difference.value)} points more</strong> hard questions than the base ${figures}.`
    : `No arm can be told from the base to its advantage: the best, ${nameOf(arm)}, is <strong>${signed(difference.value)} points</strong> from it ${figures}${formatNeeded(difference) === '' ? '' : `; ${formatNeeded(difference)} questions would be needed`}.`;
  return { sentence, context: context(base, best.arm, trained) };
}

function context(
  base: ReportedArm,
  best: ReportedArm,
  trained: readonly { readonly arm: ReportedArm; readonly difference: ReportedDifference }[],
): string {
  const rates = `The base is right ${percent(base.eval.hard.avg)} of the time, ${escapeHtml(best.name)} ${percent(best.eval.hard.avg)}.`;
  const plain = trained.find(({ arm }) => arm.name === 'sft/random' && arm !== best);
  const control =
    plain === undefined
      ? ''
      : ` Training on randomly chosen correct solutions alone: ${signed(plain.difference.value)} points ${interval(plain.difference)}.`;
  const harmed = trained.filter(({ difference }) => difference.ci95[1] < 0).map(({ arm }) => arm.name);
  const harm =
    harmed.length === 0 ? '' : ` Below the base: ${harmed.map((name) => escapeHtml(name)).join(', ')}.`;
  return rates + control + harm;
}

function questionsOf(report: Report): number | null {
  const levels = report.arms[0]?.levels.filter(({ split }) => split === 'hard') ?? [];
  return levels.length === 0 ? null : levels.reduce((sum, { questions }) => sum + questions, 0);
}

/** "SFT on self-judge". */
function nameOf({ name, signal, objective }: ReportedArm): string {
  if (signal === null || objective === null) return escapeHtml(name);
  return `${escapeHtml(objective.toUpperCase())} on ${escapeHtml(signal)}`;
}

function interval({ ci95 }: ReportedDifference): string {
  return `[${points(ci95[0])}, ${points(ci95[1])}]`;
}

/** Points of a hundred: whole from ten on. */
function points(value: number): string {
  const scaled = value * 100;
  return scaled.toFixed(Math.abs(scaled) >= 9.95 ? 0 : 1).replace('-', '−');
}

function signed(value: number): string {
  return `${value > 0 ? '+' : ''}${points(value)}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
