// The parts of a run's page, each of which is replaced in the browser when it has changed.
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { escapeHtml, formatSeconds, type Report } from '@overtone/report';
import { armsTable } from './arms-table.ts';
import { curveChart, pointsOf, short, sparkline } from './curves.ts';
import { STATE_WORDS, stateBadge } from './state-badge.ts';
import type { FollowedRun, FollowedTraining } from './run-follower.ts';

/** HTML by the name of the part; "title" is text. */
export type Sections = ReadonlyMap<string, string>;

/** All parts, in the state of now. */
export async function runSections(run: FollowedRun, now: number): Promise<Sections> {
  return new Map([
    ['title', `${nameOf(run)} – ${STATE_WORDS[run.record.state]}`],
    ['head', head(run, now)],
    ['alarms', alarms(run)],
    ['stages', stages(run)],
    ['training', training(run)],
    ['arms', armsTable(run)],
    ['trainings', trainings(run)],
    ['log', log(run)],
    ['services', await serviceLogs(run.record.path)],
    ['report', report(run)],
  ]);
}

/** The experiment's name. */
export function nameOf({ record: { configuration, path } }: Pick<FollowedRun, 'record'>): string {
  return typeof configuration === 'object' &&
    configuration !== null &&
    'name' in configuration &&
    typeof configuration.name === 'string'
    ? configuration.name
    : (path.split(/[/\\]/).at(-1) ?? path);
}

/** Seconds after which a run that is at work has said nothing for too long. */
const SILENCE_S = 30;

function head(run: FollowedRun, now: number): string {
  const { state, manifest, path } = run.record;
  const active = activeStages(run);
  const doing = active
    .map(({ stage, detail }) => (detail === '' ? stage : `${stage}: ${detail}`))
    .join(' · ');
  const left = Math.max(0, ...active.map(({ remaining }) => remaining ?? 0));
  const silent = run.progress === undefined ? 0 : (now - Date.parse(run.progress.at)) / 1000;
  const sentences: Record<typeof state, string> = {
    'at work':
      silent > SILENCE_S
        ? `No sign of life for ${formatSeconds(Math.floor(silent / 10) * 10)}: it may be paused, or its disk full.`
        : `${doing === '' ? 'Starting.' : `${doing}.`}${left > 0 ? ` About ${aboutSeconds(left)} left.` : ''}`,
    done: `Done ${when(manifest.updated)}.`,
    interrupted: 'Interrupted; the same command continues it.',
    failed: 'Failed; the log says why. The same command continues it.',
    killed: 'Its process is gone; the same command continues it.',
  };
  return `<p class="kicker">Run ${stateBadge(state)}</p><h1>${escapeHtml(nameOf(run))}</h1><p class="lead">${escapeHtml(sentences[state])}</p><p>${escapeHtml(path)} · begun ${escapeHtml(when(manifest.created))}${state === 'at work' ? '' : ` · last change ${escapeHtml(when(manifest.updated))}`}</p>`;
}

const ALARMS = 3;

function alarms({ messages }: FollowedRun): string {
  const loud = messages.filter(({ alarm }) => alarm === true);
  if (loud.length === 0) return '';
  const rows = loud.slice(-ALARMS).map(({ text }) => `<li>${escapeHtml(text)}</li>`);
  const earlier = loud.length > ALARMS ? `, the last ${ALARMS} of them; all are in the log` : '';
  return `<div class="alarms"><b>${loud.length} alarm${loud.length > 1 ? 's' : ''}</b>${earlier}<ul>${rows.join('')}</ul></div>`;
}

function activeStages({ record, progress }: FollowedRun) {
  return record.state === 'at work' ? (progress?.stages ?? []).filter(({ active }) => active) : [];
}

function stages(run: FollowedRun): string {
  const { record, progress } = run;
  const shown = (progress?.stages ?? []).filter(({ total, seconds }) => total > 0 || seconds > 0);
  if (shown.length === 0) return timings(record.manifest.timings);
  const atWork = record.state === 'at work';
  const rows = shown.map(({ stage, unit, done, total, reused, active, seconds, rate, remaining, note }) => {
    const facts: string[] = [];
    if (total > 0) facts.push(`${count(done)} of ${count(total)} ${unit}`);
    if (active && atWork && rate !== undefined && done < total) facts.push(`${short(rate)}/s`);
    if (active && atWork && remaining !== undefined && done < total)
      facts.push(`${aboutSeconds(remaining)} left`);
    if (reused > 0) facts.push(reused === done ? 'from an earlier sitting' : `${count(reused)} from before`);
    if (active && atWork && note !== '') facts.push(note);
    if (seconds > 0) facts.push(`in ${formatSeconds(seconds)}`);
    const bar =
      total > 0
        ? `<progress max="${total}" value="${Math.min(done, total)}" aria-label="${escapeHtml(stage)}">${Math.round((100 * done) / total)} %</progress>`
        : '';
    const mark = active && atWork ? 'active' : done >= total ? 'complete' : 'waiting';
    return `<li class="${mark}"><b>${escapeHtml(stage)}</b>${bar}<span>${escapeHtml(facts.join(' · '))}</span></li>`;
  });
  return `<ol class="stages">${rows.join('')}</ol>`;
}

function timings(seconds: Readonly<Record<string, number>>): string {
  const rows = Object.entries(seconds).filter(([, value]) => value > 0);
  if (rows.length === 0) return '<p>Nothing has been done yet.</p>';
  return `<ol class="stages">${rows
    .map(
      ([stage, value]) =>
        `<li class="complete"><b>${escapeHtml(stage)}</b><span>in ${formatSeconds(value)}</span></li>`,
    )
    .join('')}</ol>`;
}

/** Metrics that tell most, in this order; those that a training has are drawn. */
const METRICS = [
  'loss',
  'entropy',
  'kl',
  'logprobs/mean',
  'rewards/accuracies',
  'rewards/margins',
  'grad_norm',
];
const CHARTS = 4;
const COMPARED = 12;

function training({ record, trainings: all }: FollowedRun): string {
  const current = all.findLast(({ points }) => points.length > 1);
  if (current === undefined)
    return record.state === 'at work' ? '<p>No training has begun.</p>' : '<p>No curves were kept.</p>';
  const like = all.filter((other) => other !== current && kindOf(other) === kindOf(current)).slice(-COMPARED);
  const charts = METRICS.filter((metric) => pointsOf(current, metric).length > 1)
    .slice(0, CHARTS)
    .map((metric) => curveChart(metric, current, like));
  const under = record.state === 'at work' && (current.points.at(-1)?.step ?? 0) < current.steps;
  return `<p><b>${escapeHtml(current.job)}</b>${under ? '' : ', the last one'}${like.length > 0 ? `, over ${like.length} other${like.length > 1 ? 's' : ''} of ${escapeHtml(kindOf(current))}` : ''}</p><div class="charts">${charts.join('')}</div>`;
}

/** What a training's numbers can be compared with: "dpo" of "dpo/self-judge seed 3". */
function kindOf({ job }: FollowedTraining): string {
  return job.split(/[/ ]/)[0] ?? job;
}

function trainings({ trainings: all }: FollowedRun): string {
  if (all.length === 0) return '<p>None yet.</p>';
  const rows = all.map((each) => {
    const losses = pointsOf(each, 'loss');
    const [first] = losses;
    const last = losses.at(-1);
    const step = each.points.at(-1)?.step ?? 0;
    return `<tr><th scope="row">${escapeHtml(each.job)}</th><td>${step}${each.steps > 0 ? ` of ${each.steps}` : ''}</td><td>${first === undefined ? '' : short(first[1])}</td><td>${last === undefined ? '' : short(last[1])}</td><td>${sparkline(each, 'loss')}</td></tr>`;
  });
  return `<table><thead><tr><th scope="col">training</th><th scope="col">steps</th><th scope="col">loss, first</th><th scope="col">last</th><th scope="col">curve</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

const LINES = 200;

function log({ messages }: FollowedRun): string {
  if (messages.length === 0) return '<p>No messages.</p>';
  return `<ol>${messages
    .slice(-LINES)
    .map(
      ({ at, text, alarm }) =>
        `<li${alarm === true ? ' class="alarm"' : ''}><time datetime="${at}">${at.slice(11, 19)}</time> ${escapeHtml(text)}</li>`,
    )
    .join('')}</ol>`;
}

const TAIL_BYTES = 4096;

/** The ends of what the services have written to their standard error; empty where they have been silent. */
async function serviceLogs(path: string): Promise<string> {
  const folder = join(path, 'logs');
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.log')).sort();
  const parts = await Promise.all(
    names.map(async (name) => {
      const text = await tail(join(folder, name)).catch(() => '');
      return text.trim() === ''
        ? ''
        : `<h3>${escapeHtml(name.replace(/\.log$/, ''))}</h3><pre>${escapeHtml(text)}</pre>`;
    }),
  );
  const text = parts.join('');
  return text === '' ? '<p>They have been silent, which is good.</p>' : text;
}

async function tail(path: string): Promise<string> {
  const { size } = await stat(path);
  const file = await open(path, 'r');
  try {
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start);
    const text = buffer.toString('utf8', 0, bytesRead);
    return start === 0 ? text : text.slice(text.indexOf('\n') + 1);
  } finally {
    await file.close();
  }
}

function report({ record }: FollowedRun): string {
  if (record.report === undefined) return '<p>It is written when the run is done.</p>';
  return `<p>${escapeHtml(foundBy(record.report))} <a href="report.html">Open the report</a> · <a href="report.json">report.json</a></p><iframe src="report.html" title="The report" sandbox="allow-scripts allow-popups"></iframe>`;
}

function foundBy({ saturation, arms }: Report): string {
  return `${count(saturation.saturated)} of ${count(saturation.questions)} questions were saturated; ${arms.length - 1} arms.`;
}

const count = (value: number): string => Math.round(value).toLocaleString('en');

function aboutSeconds(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90
    ? `${minutes} min`
    : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** "2026-03-01 12:00 UTC". */
export function when(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}
