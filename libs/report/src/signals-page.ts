// A page of signal cards alone: what `overtone signals` shows of signals on which nothing has been trained.
import { escapeHtml } from './html-escape.ts';
import { STYLE } from './html-style.ts';
import type { ReportedSignal } from './schema.ts';
import { renderSignalCards } from './signal-cards.ts';

/** The page's whole text; `name` says whose signals they are. */
export function renderSignalsHtml(name: string, signals: readonly ReportedSignal[]): string {
  const title = escapeHtml(name);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · signals · Overtone</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<p class="kicker">Overtone signals</p>
<h1>${title}</h1>
<p class="lead">How far each signal can be trusted, before anything is trained on it. Intervals: 95 %, bootstrap over questions.</p>
</header>
${renderSignalCards(signals)}
</body>
</html>
`;
}
