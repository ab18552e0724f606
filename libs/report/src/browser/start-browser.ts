/// <reference lib="dom" />
// In the reader's browser: unpacks the questions that the page holds and starts what shows them. One function without anything from
// outside, since its text goes into the page as it is.
import type { BrowserData } from '../page-material.ts';
import type { BrowserTools } from './browser-tools.ts';

type Show = (data: BrowserData, tools: BrowserTools) => void;

/** Starts both sections. */
export async function startBrowser(tools: BrowserTools, ranked: Show, answers: Show): Promise<void> {
  const holder = document.getElementById('browser-data');
  if (holder === null) return;
  const packed = Uint8Array.from(atob(String(JSON.parse(holder.textContent ?? '""'))), (character) =>
    character.charCodeAt(0),
  );
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const data = JSON.parse(await new Response(stream).text()) as BrowserData;
  if (data.questions.length > 0) ranked(data, tools);
  if (data.answers.length > 0) answers(data, tools);
  document.documentElement.dataset['browser'] = 'ready';
}
