// What it cost and where the time went: per stage, and per service from the trace.
import { timelineChart } from './charts/timeline-chart.ts';
import { formatSeconds } from './format.ts';
import { escapeHtml } from './html-escape.ts';
import { table } from './html-table.ts';
import { renderJudges } from './judge-table.ts';
import type { PageMaterial, StageCost } from './page-material.ts';
import type { Report } from './schema.ts';

/** The section's content. */
export async function costSection(
  report: Report,
  { costs, services = [], timeline = [] }: PageMaterial,
): Promise<string> {
  const chart = await timelineChart(timeline);
  return `${costs === undefined ? timings(report) : stages(costs)}
${chart === '' ? '' : `<h3>When each stage was at work</h3>\n<p>From the trace; pauses between sittings are left out.</p>\n${chart}`}
${services.length === 0 ? '' : `<h3>What kept the services busy</h3>\n<p>Busy: at least one such call was open. All together: the same with calls that overlap counted each. Services call each other, so times are in one another.</p>\n${serviceTable(services)}`}
${report.judges.length === 0 ? '' : `<h3>What the judges cost</h3>\n<p>A call is one comparison in one order; verdicts that were known already cost nothing. Groups are left out where a budget was spent before they had a verdict.</p>\n${renderJudges(report.judges)}`}`;
}

function timings({ timings }: Report): string {
  return table(
    ['stage', 'at work'],
    Object.entries(timings).map(([stage, seconds]) => [escapeHtml(stage), formatSeconds(seconds)]),
    'seconds by stage',
  );
}

function stages(costs: readonly StageCost[]): string {
  const columns: readonly (readonly [string, (cost: StageCost) => string])[] = [
    ['stage', ({ stage }) => escapeHtml(stage)],
    [
      'calls',
      ({ calls, unit }) => (calls === null ? '' : `${count(calls)} <small>${escapeHtml(unit)}</small>`),
    ],
    [
      'tokens read',
      ({ promptTokens }) => (promptTokens === null || promptTokens === 0 ? '' : count(promptTokens)),
    ],
    ['tokens written', ({ tokens }) => (tokens === null || tokens === 0 ? '' : count(tokens))],
    ['at work', ({ seconds }) => (seconds === null ? '' : formatSeconds(seconds))],
    [
      'cost',
      ({ money }) =>
        money === null
          ? ''
          : money.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 4 }),
    ],
  ];
  // What no stage has says nothing.
  const said = columns.filter(([, cell]) => costs.some((cost) => cell(cost) !== ''));
  return table(
    said.map(([title]) => title),
    costs.map((cost) => said.map(([, cell]) => cell(cost))),
    'cost by stage',
  );
}

function serviceTable(services: NonNullable<PageMaterial['services']>): string {
  const shown = services.filter(({ total }) => total >= 0.05);
  return table(
    ['service', 'call', 'calls', 'busy', 'all together', 'a call'],
    shown.map(({ service, operation, calls, busy, total }) => [
      escapeHtml(service),
      escapeHtml(operation),
      count(calls),
      formatSeconds(busy),
      formatSeconds(total),
      formatSeconds(total / Math.max(1, calls)),
    ]),
    'time by service',
  );
}

function count(value: number): string {
  return value.toLocaleString('en');
}
