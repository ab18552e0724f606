// Rounds: what an arm that samples, scores and trains several times came to after each of them; for a terminal and for the page.
import { formatDifference, formatShare } from './format.ts';
import { escapeHtml } from './html-escape.ts';
import { table } from './html-table.ts';
import type { Report } from './schema.ts';
import { columns } from './text-columns.ts';

/** Whether any arm has rounds. */
export function hasRounds({ arms }: Pick<Report, 'arms'>): boolean {
  return arms.some(({ rounds }) => rounds !== undefined);
}

/** A table of the rounds for a terminal. */
export function roundTable(report: Report): string {
  return columns(header(report), cells(report), 1);
}

/** A table of the rounds for the page. */
export function renderRounds(report: Report): string {
  return table(
    header(report),
    cells(report).map((row) => row.map(escapeHtml)),
  );
}

function header({ samples }: Report): string[] {
  return [
    'arm',
    'round',
    'saturated',
    'no longer + newly',
    'accuracy',
    `easy avg@${samples}`,
    `hard avg@${samples}`,
    `pass@${samples}`,
    'hard − base',
    '− round before',
  ];
}

function cells({ arms, saturation }: Report): string[][] {
  const base = arms.find(({ name }) => name === 'base');
  return arms.flatMap((arm) =>
    (arm.rounds ?? []).map(
      ({ round, saturated, noLonger, newly, accuracy, trained, eval: { easy, hard } }, index) => {
        const before = index === 0 ? base : arm.rounds?.[index - 1];
        return [
          index === 0 ? arm.name : '',
          String(round) + (trained === arm.seeds.length ? '' : ` (${trained} of ${arm.seeds.length} seeds)`),
          `${count(saturated)} of ${saturation.questions}`,
          index === 0 ? '–' : `−${count(noLonger)} +${count(newly)}`,
          formatShare(accuracy),
          formatShare(easy.avg),
          `${formatShare(hard.avg)} [${formatShare(hard.ci95[0])}, ${formatShare(hard.ci95[1])}]`,
          formatShare(hard.pass),
          base === undefined ? '' : formatDifference(hard.avg - base.eval.hard.avg),
          before === undefined ? '' : formatDifference(hard.avg - before.eval.hard.avg),
        ];
      },
    ),
  );
}

/** A mean number of questions: whole where it is. */
function count(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}

/** What the columns mean, in one sentence. */
export const ROUNDS_LEGEND =
  'In each round the training questions are sampled with the weights of the round before, saturation is estimated anew, and training goes on from those weights: saturated questions, how many are no longer and newly so, and the mean accuracy are of these samples; avg and pass are after the round.';
