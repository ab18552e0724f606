// The pages: their frames, written whole by the server so that they can be read without a script, and the script that keeps them live.
import { escapeHtml } from '@overtone/report';
import type { Sections } from './run-sections.ts';

interface Frame {
  readonly sections: Sections;
  /** Where the page's live parts come from. */
  readonly live: string;
}

/** A run's page. `overview` is whether there is a page of all runs. */
export function runPage({ sections, live }: Frame, overview: boolean): string {
  const part = partOf(sections);
  return page(
    { sections, live },
    `${overview ? '<nav><a href="/">All runs</a></nav>' : ''}<header>${part('head')}</header>
<div role="status">${part('alarms')}</div>
<main id="main">
<section aria-labelledby="h-stages"><h2 id="h-stages">Stages</h2>${part('stages')}</section>
<section aria-labelledby="h-training"><h2 id="h-training">Training</h2>${part('training')}<details><summary>All trainings</summary>${scroller('Table of the trainings', part('trainings'))}</details></section>
<section aria-labelledby="h-arms"><h2 id="h-arms">Arms</h2><p>Mean share of correct samples on fresh questions; intervals come with the report.</p>${scroller('Table of the arms', part('arms'))}</section>
<section aria-labelledby="h-log"><h2 id="h-log">Log</h2><div class="log" id="log" tabindex="0" role="region" aria-label="Messages">${part('log')}</div><details><summary>What the services wrote</summary>${part('services')}</details></section>
<section aria-labelledby="h-report"><h2 id="h-report">Report</h2>${part('report')}</section>
</main>`,
  );
}

/** The page of all runs in a folder. */
export function runsPage(frame: Frame, folder: string): string {
  return page(
    frame,
    `<header><p class="kicker">Overtone</p><h1>Runs</h1><p>${escapeHtml(folder)}</p></header><main id="main">${partOf(frame.sections)('runs')}</main>`,
  );
}

/** A page that says what went wrong. */
export function errorPage(text: string): string {
  return document(
    'Overtone',
    '',
    `<main id="main"><h1>${escapeHtml(text)}</h1><p><a href="/">Back</a></p></main>`,
  );
}

function partOf(sections: Sections) {
  return (name: string): string => `<div data-part="${name}">${sections.get(name) ?? ''}</div>`;
}

function scroller(label: string, content: string): string {
  return `<div class="scroll" tabindex="0" role="region" aria-label="${label}">${content}</div>`;
}

function page({ sections, live }: Frame, body: string): string {
  return document(
    sections.get('title') ?? 'Overtone',
    ` data-live="${escapeHtml(live)}"`,
    `<a class="skip" href="#main">Skip to the content</a>${body}<footer><span id="connection">Not live: this page needs its script.</span></footer><script src="/ui.js"></script>`,
  );
}

function document(title: string, attributes: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title><link rel="stylesheet" href="/ui.css"><link rel="icon" href="data:,"></head><body${attributes}>${body}</body></html>`;
}

/** What keeps a page live: it replaces the parts that the server sends, and is silent while nobody looks. */
export const SCRIPT = `'use strict';
const connection = document.getElementById('connection');
let source;
function show(name, html) {
  if (name === 'title') { document.title = html; return; }
  const part = document.querySelector('[data-part="' + name + '"]');
  if (part === null) return;
  // What is there already stays, with whatever is selected, or loaded, in it.
  const told = document.createElement('template');
  told.innerHTML = html;
  if (told.innerHTML === part.innerHTML) return;
  const log = name === 'log' ? document.getElementById('log') : null;
  const atEnd = log !== null && log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
  const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
  part.innerHTML = html;
  if (atEnd) log.scrollTop = log.scrollHeight;
  if (focused !== null) for (const link of part.querySelectorAll('a')) if (link.getAttribute('href') === focused) { link.focus(); break; }
}
function connect() {
  if (source !== undefined || document.hidden) return;
  source = new EventSource(document.body.dataset.live);
  source.onopen = () => { connection.textContent = 'Live.'; };
  source.onerror = () => {
    connection.textContent = 'The connection is lost; trying again.';
    if (source !== undefined && source.readyState === EventSource.CLOSED) { source = undefined; setTimeout(connect, 3000); }
  };
  source.addEventListener('parts', ({ data }) => {
    for (const [name, html] of Object.entries(JSON.parse(data))) show(name, html);
  });
}
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) return connect();
  if (source !== undefined) source.close();
  source = undefined;
  connection.textContent = 'Paused while nobody looks.';
});
const log = document.getElementById('log');
if (log !== null) log.scrollTop = log.scrollHeight;
connect();
`;
