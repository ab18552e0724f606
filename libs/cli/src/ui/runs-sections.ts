// The parts of the page of all runs in a folder.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { headlineOf } from '@overtone/experiment/history';
import { parseProgressFile, PROGRESS_FILE } from '@overtone/experiment/following';
import { escapeHtml, formatShare } from '@overtone/report';
import type { RunRecords } from './run-records.ts';
import { nameOf, type Sections, when } from './run-sections.ts';
import { stateBadge } from './state-badge.ts';

/** All parts: runs that are at work first, then the latest. */
export async function runsSections(
  runs: ReadonlyMap<string, string>,
  records: RunRecords,
): Promise<Sections> {
  const rows = (await Promise.all([...runs].map(([id, path]) => row(id, path, records)))).sort(
    (left, right) => Number(right.atWork) - Number(left.atWork) || right.updated.localeCompare(left.updated),
  );
  const atWork = rows.filter((each) => each.atWork).length;
  return new Map([
    ['title', `${rows.length} runs${atWork > 0 ? `, ${atWork} at work` : ''}`],
    [
      'runs',
      rows.length === 0
        ? '<p>No run yet. <code>overtone demo</code> makes one in four minutes.</p>'
        : `<ul class="runs">${rows.map(({ html }) => html).join('')}</ul>`,
    ],
  ]);
}

async function row(
  id: string,
  path: string,
  records: RunRecords,
): Promise<{ html: string; atWork: boolean; updated: string }> {
  const link = (name: string): string =>
    `<a href="/run/${encodeURIComponent(id)}/">${escapeHtml(name)}</a> <small>${escapeHtml(id)}</small>`;
  try {
    const record = await records.read(path);
    const { state, manifest, report } = record;
    const atWork = state === 'at work';
    const headline = report === undefined ? null : headlineOf(report);
    const parts = [`<div>${link(nameOf({ record }))} ${stateBadge(state)}</div>`];
    if (headline !== null)
      parts.push(
        `<p>${escapeHtml(headline.arm)}: ${headline.gain < 0 ? '−' : '+'}${formatShare(Math.abs(headline.gain))} [${formatShare(headline.ci95[0])}, ${formatShare(headline.ci95[1])}] on hard questions</p>`,
      );
    if (atWork) parts.push(await bars(path));
    parts.push(`<p>${escapeHtml(when(manifest.updated))}</p>`);
    return { html: `<li>${parts.join('')}</li>`, atWork, updated: manifest.updated };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      html: `<li><div>${link(id)}</div><p>${escapeHtml(reason)}</p></li>`,
      atWork: false,
      updated: '',
    };
  }
}

async function bars(path: string): Promise<string> {
  const progress = parseProgressFile(await readFile(join(path, PROGRESS_FILE), 'utf8').catch(() => ''));
  const active = (progress?.stages ?? []).filter((stage) => stage.active && stage.total > 0);
  return active
    .map(
      ({ stage, done, total }) =>
        `<p class="bar">${escapeHtml(stage)} <progress max="${total}" value="${Math.min(done, total)}" aria-label="${escapeHtml(stage)}"></progress> ${Math.floor((100 * done) / total)} %</p>`,
    )
    .join('');
}
