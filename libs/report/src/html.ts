// The report as one self-contained HTML page: no network, light and dark, fits a phone, works from the keyboard.
import { armChart, levelChart } from './charts/arm-chart.ts';
import { kindOfDifference } from './charts/arm-kind.ts';
import { curveCharts } from './charts/curve-chart.ts';
import { gainChart } from './charts/gain-chart.ts';
import { roundChart } from './charts/round-chart.ts';
import { styleChart } from './charts/style-chart.ts';
import { costSection } from './cost-section.ts';
import { formatDifference, formatP, formatShare } from './format.ts';
import { headline } from './headline.ts';
import { escapeHtml } from './html-escape.ts';
import { page } from './html-page.ts';
import { table } from './html-table.ts';
import { formatInterval, formatNeeded, judgedP } from './measurement-tables.ts';
import type { PageMaterial, Provenance } from './page-material.ts';
import { questionBrowser } from './question-browser.ts';
import { hasRounds, renderRounds, ROUNDS_LEGEND } from './rounds.ts';
import type { Report, ReportedDifference } from './schema.ts';
import { renderSignalCards } from './signal-cards.ts';

interface Section {
  readonly id: string;
  readonly title: string;
  readonly content: string;
}

/**
 * The page's whole text.
 *
 * @param material what report.json does not hold; what is not there is left out. Default nothing.
 */
export async function renderPage(report: Report, material: PageMaterial = {}): Promise<string> {
  const { questions, saturated, accuracy } = report.saturation;
  const name = escapeHtml(report.name);
  const { sentence, context } = headline(report);
  const browser = material.browser === undefined ? undefined : questionBrowser(material.browser);
  const before = [...(await gains(report)), ...(await trust(report)), ...(await training(report, material))];
  const after = await spent(report, material);
  const links = [
    ...before,
    ...(material.browser?.questions.length ? [{ id: 'questions', title: 'Why one solution won' }] : []),
    ...(material.browser?.answers.length ? [{ id: 'answers', title: 'What arms answer' }] : []),
    ...after,
  ];
  return page({
    title: name,
    body: `<header>
<p class="kicker">Overtone report · ${name}</p>
<h1 class="headline">${sentence}</h1>
<p class="lead">${context}</p>
<dl class="facts">
<div><dt>Saturated questions</dt><dd>${saturated}<small> of ${questions}</small></dd></div>
<div><dt>Accuracy on training questions</dt><dd>${formatShare(accuracy)}</dd></div>
<div><dt>Model</dt><dd>${escapeHtml(report.model.name)}${report.model.parameters === 0 ? '' : `<small> ${report.model.parameters.toLocaleString('en')} parameters</small>`}</dd></div>
</dl>
<nav aria-label="Contents"><ul>${links.map(({ id, title }) => `<li><a href="#${id}">${title}</a></li>`).join('')}</ul></nav>
</header>
<main>
${before.map(section).join('\n')}
${browser?.sections ?? ''}
${after.map(section).join('\n')}
</main>
<footer>Model ${escapeHtml(report.model.sha256.slice(0, 16))}. Intervals: 95 %, bootstrap over questions.</footer>
${browser?.script ?? ''}`,
  });
}

function section({ id, title, content }: Section): string {
  return `<section id="${id}">\n<h2>${title}</h2>\n${content}\n</section>`;
}

async function gains(report: Report): Promise<Section[]> {
  const k = report.samples;
  const hasLevels = report.arms.some(({ levels }) => levels.length > 0);
  return [
    {
      id: 'hard',
      title: 'Hard questions',
      content: `<p>avg@${k} on fresh questions that the base model often gets wrong. Dots are means, lines 95 % intervals over questions, small dots single seeds; the dashed line is the base. <b class="better">Green</b> is above the base, <b class="worse">red</b> below it, <b class="same">blue</b> not told apart.</p>
${await armChart(report, 'hard')}
<h3>Differences on the same questions</h3>
<p>p by a paired permutation test over questions${report.statistics === null ? '' : ", adjusted over all arms by Holm's method; where a difference was not seen, so many questions would be needed to see one as large (power .8)"}.</p>
${differences(report)}`,
    },
    { id: 'easy', title: 'Easy questions', content: await armChart(report, 'easy') },
    ...(hasLevels
      ? [
          {
            id: 'difficulty',
            title: 'By difficulty',
            content: `<p>Every arm at every difficulty, with the number of questions.</p>\n${await levelChart(report)}\n${details('The numbers', levels(report))}`,
          },
        ]
      : []),
    ...(hasRounds(report)
      ? [
          {
            id: 'rounds',
            title: 'Rounds',
            content: `<p>${ROUNDS_LEGEND}</p>\n${await roundChart(report)}\n${renderRounds(report)}`,
          },
        ]
      : []),
  ];
}

async function trust(report: Report): Promise<Section[]> {
  if (report.signals.length === 0) return [];
  const chart = await gainChart(report);
  return [
    {
      id: 'signals',
      title: 'How far the signals can be trusted',
      content: renderSignalCards(report.signals),
    },
    ...(chart === ''
      ? []
      : [
          {
            id: 'fidelity',
            title: 'Fidelity against gain',
            content: `<p>How far each signal agrees with the stronger judge, known before anything is trained, and what its arms gained on hard questions. Lines are 95 % intervals.</p>\n${chart}`,
          },
        ]),
  ];
}

async function training(report: Report, { curves = [] }: PageMaterial): Promise<Section[]> {
  const figures = await curveCharts(curves, report);
  const styles = await styleChart(report);
  return [
    ...(figures.length === 0
      ? []
      : [
          {
            id: 'training',
            title: 'Training',
            content: `<p>Metrics by step: thin lines are seeds, thick ones their mean.</p>\n${figures
              .map(
                ({ objective, arms, figure }) =>
                  `<h3>${escapeHtml(objective)} <small>${arms.map(escapeHtml).join(', ')}</small></h3>\n${figure}`,
              )
              .join('\n')}`,
          },
        ]),
    ...(styles === ''
      ? []
      : [
          {
            id: 'styles',
            title: 'How the mix of styles moved',
            content: `<p>Share of each style among the samples on hard questions.</p>\n${styles}\n${details('The numbers', styleNumbers(report))}`,
          },
        ]),
  ];
}

async function spent(report: Report, material: PageMaterial): Promise<Section[]> {
  return [
    {
      id: 'cost',
      title: 'What it cost, and where the time went',
      content: await costSection(report, material),
    },
    { id: 'runs', title: 'Every training run', content: details('All seeds', runs(report)) },
    ...(material.provenance === undefined
      ? []
      : [{ id: 'repeat', title: 'To repeat it', content: repeat(material.provenance) }]),
  ];
}

function repeat({ configuration, facts }: Provenance): string {
  return `<p>Put the configuration below into <code>experiment.yaml</code>. Every result lies under the hash of all that determined it, so that the manifests of two runs can be held against each other.</p>
<pre class="code" tabindex="0" role="region" aria-label="Command">npm run overtone -- run experiment.yaml --out runs/again</pre>
<dl class="provenance">${facts.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`).join('')}</dl>
${details('The resolved configuration', `<pre class="code" tabindex="0" role="region" aria-label="Configuration">${escapeHtml(configuration)}</pre>`)}`;
}

function details(summary: string, content: string): string {
  return `<details><summary>${summary}</summary>\n${content}\n</details>`;
}

function differences(report: Report): string {
  const references = [...new Set(report.arms.flatMap((arm) => Object.keys(arm.against)))];
  const cell = (difference: ReportedDifference | undefined): string =>
    difference === undefined
      ? ''
      : `<b class="${kindOfDifference(difference)}">${formatDifference(difference.value)}</b> <small>[${formatDifference(difference.ci95[0])}, ${formatDifference(difference.ci95[1])}] ${formatP(judgedP(difference)).replace('<', '&lt;')}${formatNeeded(difference) === '' ? '' : `; ${formatNeeded(difference)} questions needed`}</small>`;
  return table(
    ['arm', ...references.map((reference) => `against ${escapeHtml(reference)}`)],
    report.arms
      .filter((arm) => Object.keys(arm.against).length > 0)
      .map((arm) => [
        escapeHtml(arm.name),
        ...references.map((reference) => cell(arm.against[reference]?.hard)),
      ]),
    'differences on hard questions',
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
    report.arms.map((arm) => [
      escapeHtml(arm.name),
      ...arm.levels.map(
        ({ avg, ci95 }) =>
          `${formatShare(avg)}${ci95 === null ? '' : ` <small>${formatInterval(ci95)}</small>`}`,
      ),
    ]),
    'avg by difficulty',
  );
}

function styleNumbers(report: Report): string {
  return table(
    ['arm', 'style', 'share', 'against base', 'accuracy', 'tokens'],
    report.arms.flatMap((arm) =>
      arm.styles
        .filter(({ split }) => split === 'hard')
        .map(({ style, share, avg, meanTokens, against }) => {
          const moved = against['base'];
          return [
            escapeHtml(arm.name),
            escapeHtml(style),
            `${formatShare(share.value)} <small>${formatInterval(share.ci95)}</small>`,
            moved === undefined ? '' : formatDifference(moved.value),
            avg === null ? '–' : `${formatShare(avg.value)} <small>${formatInterval(avg.ci95)}</small>`,
            meanTokens === null ? '–' : meanTokens.value.toFixed(1),
          ];
        }),
    ),
    'styles on hard questions',
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
    'training runs',
  );
}
