// The browser of questions: its controls, its data, compressed, and the script that shows them.
import { deflateRawSync } from 'node:zlib';
import { browseAnswers } from './browser/browse-answers.ts';
import { browseRanked } from './browser/browse-ranked.ts';
import { browserTools } from './browser/browser-tools.ts';
import { startBrowser } from './browser/start-browser.ts';
import type { BrowserData } from './page-material.ts';

/** The sections of the page and the script at its end; empty strings where there is nothing to look at. */
export function questionBrowser(data: BrowserData): { readonly sections: string; readonly script: string } {
  const { questions, ofQuestions, answers, ofAnswers, seed } = data;
  if (questions.length + answers.length === 0) return { sections: '', script: '' };
  const packed = deflateRawSync(JSON.stringify(data), { level: 9 }).toString('base64');
  const some = (shown: number, all: number, why: string): string =>
    shown < all ? `${shown} of ${all.toLocaleString('en')}: ${why}.` : `All ${all.toLocaleString('en')}.`;
  const ranked =
    questions.length === 0
      ? ''
      : `<section id="questions" data-browser="questions" tabindex="-1">
<h2>Why one solution won</h2>
<p>Saturated questions with their solutions, best first. ${some(questions.length, ofQuestions, 'of each difficulty those on which signals disagree most or judges go by who comes first, and a few of the others')} A token's shade is the model's uncertainty before it. Left and right arrows change the question.</p>
<div class="controls">
${picker('q-question', 'Question')}
<label for="q-signal">Ranked by<select id="q-signal"></select></label>
<label for="q-judge">Verdicts of<select id="q-judge"></select></label>
</div>
<div id="q-view" aria-live="polite"><p>This needs a browser that runs scripts.</p></div>
</section>`;
  const answered =
    answers.length === 0
      ? ''
      : `<section id="answers" data-browser="answers" tabindex="-1">
<h2>What arms answer</h2>
<p>Samples on hard questions${seed === null ? '' : `, seed ${seed}`}. ${some(answers.length, ofAnswers, 'those on which arms differ most')} Answers that are the same stand once, with their number. Left and right arrows change the question.</p>
<div class="controls">
${picker('a-question', 'Question')}
<label for="a-left">Arm<select id="a-left"></select></label>
<label for="a-right">beside<select id="a-right"></select></label>
</div>
<div id="a-view" aria-live="polite"><p>This needs a browser that runs scripts.</p></div>
</section>`;
  return {
    sections: `${ranked}\n${answered}`,
    script: `<script type="application/json" id="browser-data">"${packed}"</script>
<script>(${startBrowser.toString()})((${browserTools.toString()})(), ${browseRanked.toString()}, ${browseAnswers.toString()});</script>`,
  };
}

function picker(id: string, label: string): string {
  return `<div class="picker"><label for="${id}">${label}<select id="${id}"></select></label><button type="button" data-step="-1" aria-label="Previous question">←</button><button type="button" data-step="1" aria-label="Next question">→</button></div>`;
}
