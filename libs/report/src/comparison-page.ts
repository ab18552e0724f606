// A comparison of runs as one self-contained page.
import {
  type ComparedArm,
  type ComparedSplit,
  type Comparison,
  COMPARED_SPLITS,
  summarisedSettings,
} from './comparison.ts';
import { differenceText, splitTitle } from './comparison-table.ts';
import { formatShare } from './format.ts';
import { escapeHtml } from './html-escape.ts';
import { page } from './html-page.ts';
import { formatInterval } from './measurement-tables.ts';

const WIDTH = 720;
const LABEL = 168;
const VALUE = 52;
const ROW = 22;
const GAP = 14;
const TOP = 26;

/** The page's whole text. */
export function renderComparisonHtml(comparison: Comparison): string {
  const { runs, pairings } = comparison;
  const title = escapeHtml(runs.map(({ name }) => name).join(', '));
  const notes = pairings.filter(({ note }) => note !== null);
  return page({
    title,
    body: `<header>
<p class="kicker">Overtone comparison</p>
<h1>${title}</h1>
<p class="lead">${runs.length} runs, ${comparison.arms.length} arms. Differences are from ${escapeHtml(runs[0]?.name ?? '')}, paired question by question.</p>
</header>
<main>
${COMPARED_SPLITS.map((split) => section(comparison, split)).join('\n')}
<section>
<h2>What is compared</h2>
${table(
  'Runs',
  ['run', 'experiment', 'model', 'sha256', 'saturated'],
  runs.map(({ name, experiment, model, saturation }) => [
    name,
    experiment,
    model.name,
    model.sha256.slice(0, 12),
    `${saturation.saturated} of ${saturation.questions}`,
  ]),
)}
${notes.length === 0 ? '' : `<ul>${notes.map(({ run, split, note }) => `<li>${escapeHtml(`${run}, ${split}: ${note ?? ''}`)}</li>`).join('')}</ul>`}
</section>
<section>
<h2>Settings that differ</h2>
${
  comparison.settings.length === 0
    ? '<p>None: the configurations are the same.</p>'
    : table(
        'Settings',
        ['key', ...runs.map(({ name }) => name)],
        summarisedSettings(comparison).map(({ key, values }) => [
          key,
          ...values.map((value) => value ?? '–'),
        ]),
      )
}
</section>
</main>
<footer>Intervals: 95 %, bootstrap over questions, seed ${comparison.seed}. p: paired permutation test over questions, adjusted over all arms and runs of a split (Holm).</footer>`,
  });
}

function section(comparison: Comparison, split: ComparedSplit): string {
  const { runs, arms } = comparison;
  const rows = arms.map(({ name, cells }) => [
    name,
    ...cells.flatMap((cell, index) => {
      const value =
        cell === null ? '–' : `${formatShare(cell[split].avg)} ${formatInterval(cell[split].ci95)}`;
      return index === 0 ? [value] : [value, cell === null ? '' : differenceText(cell[split])];
    }),
  ]);
  const header = runs.flatMap(({ name }, index) =>
    index === 0 ? [name] : [name, `${name} − ${runs[0]?.name ?? ''}`],
  );
  return `<section>
<h2>${split === 'hard' ? 'Hard' : 'Easy'} questions</h2>
<p>${escapeHtml(splitTitle(comparison, split))}. In the chart, runs of an arm are in the order ${escapeHtml(runs.map(({ name }) => name).join(', '))}; green and red: the interval of the difference lies above or below zero.</p>
<div class="scroll" tabindex="0" role="region" aria-label="chart of ${split} questions">${chart(comparison, split)}</div>
${table(`Arms on ${split} questions`, ['arm', ...header], rows)}
</section>`;
}

/** A table that scrolls sideways, also from the keyboard; the first cell of a row is its header. */
function table(label: string, header: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = header.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`).join('');
  const body = rows
    .map(
      ([first = '', ...cells]) =>
        `<tr><th scope="row">${escapeHtml(first)}</th>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`,
    )
    .join('\n');
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(label)}"><table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}

/** One line a run of an arm: its mean and its interval; a fainter line first for the first run. */
function chart({ runs, arms }: Comparison, split: ComparedSplit): string {
  const ends = arms.flatMap(({ cells }) => cells.flatMap((cell) => [...(cell?.[split].ci95 ?? [])]));
  const low = Math.max(0, Math.floor(Math.min(...ends) * 10) / 10);
  const high = Math.min(1, Math.ceil(Math.max(...ends) * 10) / 10);
  const right = WIDTH - VALUE - 12;
  const at = (value: number): string =>
    (LABEL + ((value - low) / Math.max(high - low, 0.1)) * (right - LABEL)).toFixed(1);
  const block = runs.length * ROW + GAP;
  const height = TOP + arms.length * block;
  const ticks = Array.from({ length: Math.round((high - low) * 10) + 1 }, (_, index) => low + index / 10);
  const grid = ticks.map(
    (tick) =>
      `<line class="grid" x1="${at(tick)}" x2="${at(tick)}" y1="${TOP - 6}" y2="${height - GAP}"/>` +
      `<text class="tick" x="${at(tick)}" y="${TOP - 12}" text-anchor="middle">${Math.round(tick * 100)} %</text>`,
  );
  const groups = arms.map((arm, index) => armGroup(arm, split, runs, TOP + index * block, at));
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="avg on ${split} questions, by arm and run">${grid.join('')}${groups.join('')}</svg>`;
}

function armGroup(
  { name, cells }: ComparedArm,
  split: ComparedSplit,
  runs: Comparison['runs'],
  top: number,
  at: (value: number) => string,
): string {
  const label = `<text class="label" x="${LABEL - 12}" y="${top + ROW / 2 + 4}" text-anchor="end">${escapeHtml(name)}</text>`;
  const lines = cells.map((cell, index) => {
    if (cell === null) return '';
    const { avg, ci95, difference } = cell[split];
    const y = top + index * ROW + ROW / 2;
    const kind =
      difference === null
        ? 'same'
        : difference.ci95[0] > 0
          ? 'better'
          : difference.ci95[1] < 0
            ? 'worse'
            : 'same';
    const title = `${name}, ${runs[index]?.name ?? ''}: ${formatShare(avg)} ${formatInterval(ci95)}`;
    return (
      `<g class="${kind}"><title>${escapeHtml(title)}</title>` +
      `<line class="interval" x1="${at(ci95[0])}" x2="${at(ci95[1])}" y1="${y}" y2="${y}"/>` +
      `<circle class="mean" cx="${at(avg)}" cy="${y}" r="${index === 0 ? 3.5 : 5}"/>` +
      `<text class="value" x="${WIDTH - 4}" y="${y + 4}" text-anchor="end">${formatShare(avg)}</text></g>`
    );
  });
  return label + lines.join('');
}
