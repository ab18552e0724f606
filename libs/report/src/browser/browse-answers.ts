/// <reference lib="dom" />
// In the reader's browser: hard questions with what two arms answered. One function without anything from outside, since its text goes
// into the page as it is.
import type { BrowsedAnswer, BrowserData } from '../page-material.ts';
import type { BrowserTools } from './browser-tools.ts';

/** Fills the section and answers its controls. */
export function browseAnswers({ answers }: BrowserData, { make, select, fill, control }: BrowserTools): void {
  const arms = [...new Set(answers.flatMap(({ arms: own }) => Object.keys(own)))];
  const rate = (samples: readonly BrowsedAnswer[]): number =>
    samples.filter(({ correct }) => correct).length / Math.max(1, samples.length);
  const mean = (arm: string): number =>
    answers.reduce((sum, { arms: own }) => sum + rate(own[arm] ?? []), 0) / answers.length;
  const best = arms.reduce((left, arm) => (mean(arm) > mean(left) ? arm : left), arms[0] ?? '');
  fill(
    select('a-question'),
    answers.map(({ question, difficulty }, index) => [
      String(index),
      `${index + 1}. ${question.length > 60 ? `${question.slice(0, 59)}…` : question}${difficulty === '' ? '' : ` (${difficulty})`}`,
    ]),
  );
  for (const id of ['a-left', 'a-right'])
    fill(
      select(id),
      arms.map((arm) => [arm, arm]),
    );
  select('a-right').value = best;
  control('answers', ['a-question', 'a-left', 'a-right'], () => {
    const question = answers[Number(select('a-question').value)];
    const view = document.getElementById('a-view');
    if (question === undefined || view === null) return;
    const column = (arm: string): HTMLElement => {
      const samples = question.arms[arm] ?? [];
      const correct = samples.filter((sample) => sample.correct).length;
      const groups = [...Map.groupBy(samples, ({ text }) => text).values()].sort(
        (left, right) => right.length - left.length,
      );
      return make(
        'div',
        { class: 'arm' },
        make('h3', {}, arm, make('small', {}, ` ${correct} of ${samples.length} right`)),
        ...groups.map((group) => answer(group)),
      );
    };
    view.replaceChildren(
      make(
        'p',
        { class: 'asked' },
        make('strong', {}, question.question),
        question.answer === '' ? '' : ` answer ${question.answer}`,
      ),
      make('div', { class: 'beside' }, column(select('a-left').value), column(select('a-right').value)),
    );
  });

  function answer(group: readonly BrowsedAnswer[]): HTMLElement {
    const [one] = group;
    if (one === undefined) return make('div');
    const facts = [
      ...(group.length > 1 ? [`× ${group.length}`] : []),
      ...(one.style === undefined ? [] : [one.style]),
      `${one.tokens} tokens`,
    ];
    return make(
      'div',
      { class: `answer ${one.correct ? 'right' : 'wrong'}` },
      make(
        'p',
        { class: 'figures' },
        make('b', { class: one.correct ? 'better' : 'worse' }, one.correct ? '✓ right' : '✗ wrong'),
        ` ${facts.join(' · ')}`,
      ),
      make('pre', {}, one.text),
    );
  }
}
