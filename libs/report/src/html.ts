// The report as one self-contained HTML page: no script, no network, light and dark, fits a phone.
import { renderChart } from './chart.ts';
import { formatDifference, formatP, formatSeconds, formatShare } from './format.ts';
import { escapeHtml } from './html-escape.ts';
import { page } from './html-page.ts';
import { table } from './html-table.ts';
import { renderJudges } from './judge-table.ts';
import { formatNeeded, judgedP } from './measurement-tables.ts';
import { renderRoundChart } from './round-chart.ts';
import { hasRounds, renderRounds, ROUNDS_LEGEND } from './rounds.ts';
import type { Report, ReportedArm, ReportedDifference } from './schema.ts';
import { renderSignalCards } from './signal-cards.ts';

/** The page's whole text. */
export function renderHtml(report: Report): string {
  const { questions, saturated, accuracy } = report.saturation;
  const name = escapeHtml(report.name);
  return page({
    title: name,
    body: `<header>
<p class="kicker">Overtone report</p>
<h1>${name}</h1>
<p class="lead">${headline(report)}</p>
<dl class="facts">
<div><dt>Saturated questions</dt><dd>${saturated}<small> of ${questions}</small></dd></div>
<div><dt>Accuracy on training questions</dt><dd>${formatShare(accuracy)}</dd></div>
<div><dt>Model</dt><dd>${escapeHtml(report.model.name)}${report.model.parameters === 0 ? '' : `<small> ${report.model.parameters.toLocaleString('en')} parameters</small>`}</dd></div>
</dl>
</header>
<section>
<h2>Hard questions</h2>
<p>avg@${report.samples} on fresh questions that the base model often gets wrong. Dots are means, lines 95 % intervals over questions, small dots single seeds; the dashed line is the base.</p>
<div class="scroll">${renderChart(report, 'hard')}</div>
</section>
<section>
<h2>Easy questions</h2>
<div class="scroll">${renderChart(report, 'easy')}</div>
</section>
${hasRounds(report) ? `<section>\n<h2>Rounds</h2>\n<p>${ROUNDS_LEGEND}</p>\n<div class="scroll">${renderRoundChart(report)}</div>\n${renderRounds(report)}\n</section>` : ''}
<section>
<h2>Differences on hard questions</h2>
<p>The same questions before and after: intervals by bootstrap, p by a paired permutation test, both over questions${report.statistics === null ? '' : "; p is adjusted over all arms by Holm's method, and where the difference was not seen, so many questions would be needed to see one as large (power .8)"}.</p>
${differences(report)}
</section>
${report.signals.length === 0 ? '' : `<section>\n<h2>How far the signals can be trusted</h2>\n${renderSignalCards(report.signals)}\n</section>`}
${report.judges.length === 0 ? '' : `<section>\n<h2>What the judges cost</h2>\n<p>A call is one comparison in one order; verdicts that were known already cost nothing. Groups are left out where a budget was spent before they had a verdict.</p>\n${renderJudges(report.judges)}\n</section>`}
<section>
<h2>By difficulty</h2>
${levels(report)}
</section>
<section>
<h2>Runs</h2>
${runs(report)}
</section>
<section>
<h2>Time</h2>
${table(
  ['stage', 'at work'],
  Object.entries(report.timings).map(([stage, seconds]) => [escapeHtml(stage), formatSeconds(seconds)]),
)}
</section>
<footer>Model ${escapeHtml(report.model.sha256.slice(0, 16))}</footer>`,
  });
}

/** One sentence: the best arm against the base. */
function headline(report: Report): string {
  const trained = report.arms.filter((arm) => arm.against['base'] !== undefined);
  const best = trained.reduce<ReportedArm | undefined>(
    (left, arm) => (left === undefined || arm.eval.hard.avg > left.eval.hard.avg ? arm : left),
    undefined,
  );
  const difference = best?.against['base']?.hard;
  const base = report.arms.find((arm) => arm.name === 'base');
  if (best === undefined || difference === undefined || base === undefined)
    return 'The base model alone was measured.';
  const points = (difference.value * 100).toFixed(1).replace('-', '−');
  return `On hard questions the base is right ${percent(base.eval.hard.avg)} of the time; <strong>${escapeHtml(best.name)}</strong>, the best of ${trained.length} arms, ${percent(best.eval.hard.avg)}: a difference of ${points} points.`;
}

function differences(report: Report): string {
  const references = [...new Set(report.arms.flatMap((arm) => Object.keys(arm.against)))];
  const cell = (difference: ReportedDifference | undefined): string =>
    difference === undefined
      ? ''
      : `<b class="${difference.ci95[0] > 0 ? 'better' : difference.ci95[1] < 0 ? 'worse' : 'same'}">${formatDifference(difference.value)}</b> <small>[${formatDifference(difference.ci95[0])}, ${formatDifference(difference.ci95[1])}] ${formatP(judgedP(difference))}${formatNeeded(difference) === '' ? '' : `; ${formatNeeded(difference)} questions needed`}</small>`;
  return table(
    ['arm', ...references.map((reference) => `against ${escapeHtml(reference)}`)],
    report.arms
      .filter((arm) => Object.keys(arm.against).length > 0)
      .map((arm) => [
        escapeHtml(arm.name),
        ...references.map((reference) => cell(arm.against[reference]?.hard)),
      ]),
  );
}

function levels(report: Report): string {
  const columns = report.arms[0]?.levels ?? [];
  return table(
    [
      'arm',
      ...columns.map(
        (level) => `${level.split} ${escapeHtml(level.difficulty)} <small>(${level.questions})</small>`,
      ),
    ],
    report.arms.map((arm) => [escapeHtml(arm.name), ...arm.levels.map((level) => formatShare(level.avg))]),
  );
}

function runs(report: Report): string {
  return table(
    ['arm', 'seed', 'learning rate', 'step', 'development', 'easy', 'hard', `hard pass@${report.samples}`],
    report.arms.flatMap((arm) =>
      arm.perSeed.map((run) => [
        escapeHtml(arm.name),
        String(run.seed ?? '–'),
        run.learningRate === null ? '–' : run.learningRate.toExponential(1),
        `${run.step ?? '–'}${run.alarm === undefined ? '' : ` <small>(${escapeHtml(run.alarm)})</small>`}`,
        run.development === null ? '–' : formatShare(run.development),
        formatShare(run.eval.easy.avg),
        formatShare(run.eval.hard.avg),
        formatShare(run.eval.hard.pass),
      ]),
    ),
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
