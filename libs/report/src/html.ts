// The report as one self-contained HTML page: no script, no network, light and dark, fits a phone.
import { renderChart } from './chart.ts';
import { formatDifference, formatP, formatSeconds, formatShare } from './format.ts';
import { escapeHtml } from './html-escape.ts';
import type { Report, ReportedArm, ReportedDifference } from './schema.ts';

/** The page's whole text. */
export function renderHtml(report: Report): string {
  const { questions, saturated, accuracy } = report.saturation;
  const name = escapeHtml(report.name);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${name} · Overtone</title>
<style>${STYLE}</style>
</head>
<body>
<header>
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
<section>
<h2>Differences on hard questions</h2>
<p>The same questions before and after: intervals by bootstrap, p by a paired permutation test, both over questions.</p>
${differences(report)}
</section>
${report.signals.length === 0 ? '' : `<section>\n<h2>How far the signals can be trusted</h2>\n${signals(report)}\n</section>`}
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
<footer>Model ${escapeHtml(report.model.sha256.slice(0, 16))}</footer>
</body>
</html>
`;
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
      : `<b class="${difference.ci95[0] > 0 ? 'better' : difference.ci95[1] < 0 ? 'worse' : 'same'}">${formatDifference(difference.value)}</b> <small>[${formatDifference(difference.ci95[0])}, ${formatDifference(difference.ci95[1])}] ${formatP(difference.pValue)}</small>`;
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

function signals(report: Report): string {
  const estimate = (value: number | null, interval: readonly [number, number] | null = null): string => {
    if (value === null) return '–';
    return interval === null
      ? formatShare(value)
      : `${formatShare(value)} <small>[${formatShare(interval[0])}, ${formatShare(interval[1])}]</small>`;
  };
  return table(
    [
      'signal',
      'method',
      'kappa',
      'tau',
      'both orders agree',
      'position bias',
      'unreadable',
      'cycles',
      'with length',
    ],
    report.signals.map((signal) => [
      escapeHtml(signal.name),
      escapeHtml(signal.judge === null ? signal.method : `${signal.method} (${signal.judge})`),
      estimate(signal.kappa, signal.kappaCi95),
      estimate(signal.tau, signal.tauCi95),
      estimate(signal.orderConsistency),
      signal.positionBias === null ? '–' : formatDifference(signal.positionBias),
      estimate(signal.unreadable),
      estimate(signal.intransitivity),
      formatDifference(signal.lengthCorrelation),
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
        String(run.step ?? '–'),
        run.development === null ? '–' : formatShare(run.development),
        formatShare(run.eval.easy.avg),
        formatShare(run.eval.hard.avg),
        formatShare(run.eval.hard.pass),
      ]),
    ),
  );
}

/** A table that scrolls sideways on a narrow screen; cells are HTML. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = header.map((cell) => `<th>${cell}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n');
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

const STYLE = `
:root{--ink:#1b1f24;--soft:#5c6670;--paper:#fbfaf7;--card:#fff;--line:#e3e0d8;--better:#0b7a53;--worse:#b3372f;--same:#4a6a8a}
@media (prefers-color-scheme:dark){:root{--ink:#e8e6e1;--soft:#9aa3ab;--paper:#15181b;--card:#1c2024;--line:#2e343a;--better:#4fc592;--worse:#f08577;--same:#8fb3d6}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:56rem;padding:2rem 1rem 4rem;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif}
h1{margin:.1em 0 .3em;font-size:clamp(1.6rem,5vw,2.4rem);line-height:1.15;letter-spacing:-.02em}
h2{margin:0 0 .4em;font-size:1.15rem}
p{margin:.2em 0 1em;color:var(--soft)}
.kicker{margin:0;font-size:.8rem;letter-spacing:.12em;text-transform:uppercase}
.lead{font-size:1.1rem;color:var(--ink)}
section{margin:1.25rem 0;padding:1.1rem;background:var(--card);border:1px solid var(--line);border-radius:12px}
.facts{display:flex;flex-wrap:wrap;gap:.75rem 2.5rem;margin:1rem 0}
.facts dt{font-size:.8rem;color:var(--soft)}
.facts dd{margin:0;font-size:1.35rem;font-weight:600;font-variant-numeric:tabular-nums}
small{font-weight:400;font-size:.8em;color:var(--soft)}
svg{display:block;width:100%;min-width:32rem;height:auto;font:13px system-ui,-apple-system,"Segoe UI",sans-serif}
svg text{fill:var(--ink)}
svg .tick{fill:var(--soft);font-size:11px}
svg .grid{stroke:var(--line)}
svg .base{stroke:var(--soft);stroke-dasharray:4 4}
svg .value{font-weight:600;font-variant-numeric:tabular-nums}
svg .interval{stroke-width:3;stroke-linecap:round;opacity:.45}
svg .better .interval{stroke:var(--better)}svg .worse .interval{stroke:var(--worse)}svg .same .interval{stroke:var(--same)}
svg .better circle{fill:var(--better)}svg .worse circle{fill:var(--worse)}svg .same circle{fill:var(--same)}
svg .seed{opacity:.5}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .7rem .35rem 0;text-align:left;white-space:nowrap;border-bottom:1px solid var(--line)}
th{font-weight:500;color:var(--soft)}
tbody tr:last-child td{border-bottom:0}
b.better{color:var(--better)}b.worse{color:var(--worse)}b.same{color:var(--same)}
footer{color:var(--soft);font-size:.8rem}
`;
