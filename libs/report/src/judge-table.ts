// What the judges cost and what was bought of them: the same cells for a terminal and for the page.
import { formatShare } from './format.ts';
import { escapeHtml } from './html-escape.ts';
import { table } from './html-table.ts';
import type { ReportedJudge } from './schema.ts';
import { columns } from './text-columns.ts';

const HEADER = [
  'judge',
  'plan',
  'pairs judged',
  'calls',
  'tokens in + out',
  'cost',
  'unreadable',
  'groups left out',
];

/** A table of the judges for a terminal. */
export function judgeTable(judges: readonly ReportedJudge[]): string {
  return columns(HEADER, judges.map(cells), 2);
}

/** A table of the judges for the page. */
export function renderJudges(judges: readonly ReportedJudge[]): string {
  return table(
    HEADER,
    judges.map((judge) => cells(judge).map(escapeHtml)),
  );
}

function cells(judge: ReportedJudge): string[] {
  const { name, backend, plan, pairs, groups, unjudged, unreadable, cost, budget } = judge;
  const { calls, promptTokens, completionTokens } = judge;
  return [
    name === backend ? name : `${name} (${backend})`,
    plan,
    count(pairs),
    count(calls) + limit(budget?.calls),
    `${count(promptTokens)} + ${count(completionTokens)}${limit(budget?.tokens)}`,
    cost === null ? '–' : amount(cost) + limit(budget?.currency?.amount),
    unreadable === 0 ? '0' : `${count(unreadable)} (${formatShare(unreadable / (2 * pairs))})`,
    unjudged === 0 ? '0' : `${count(unjudged)} of ${count(groups)}`,
  ];
}

function count(value: number): string {
  return value.toLocaleString('en');
}

function amount(value: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 4 });
}

function limit(most: number | undefined): string {
  return most === undefined ? '' : ` of ${count(most)}`;
}
