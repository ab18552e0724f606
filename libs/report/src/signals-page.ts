// A page of signal cards alone: what `overtone signals` shows of signals on which nothing has been trained.
import { escapeHtml } from './html-escape.ts';
import { page } from './html-page.ts';
import type { ReportedSignal } from './schema.ts';
import { renderSignalCards } from './signal-cards.ts';

/** The page's whole text; `name` says whose signals they are. */
export function renderSignalsHtml(name: string, signals: readonly ReportedSignal[]): string {
  const title = escapeHtml(name);
  return page({
    title: `${title} · signals`,
    body: `<header>
<p class="kicker">Overtone signals</p>
<h1>${title}</h1>
<p class="lead">How far each signal can be trusted, before anything is trained on it. Intervals: 95 %, bootstrap over questions.</p>
</header>
${renderSignalCards(signals)}`,
  });
}
