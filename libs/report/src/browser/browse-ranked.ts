/// <reference lib="dom" />
// In the reader's browser: saturated questions with their ranked solutions. One function without anything from outside, since its text goes
// into the page as it is.
import type { BrowsedQuestion, BrowserData } from '../page-material.ts';
import type { BrowserTools } from './browser-tools.ts';

/** Fills the section and answers its controls. */
export function browseRanked(
  data: BrowserData,
  { make, select, fill, share, ordinal, control }: BrowserTools,
): void {
  const { questions, judges, auditor } = data;
  const signals = [...new Set(questions.flatMap(({ scores }) => Object.keys(scores)))];
  const known = [...new Set(questions.flatMap(({ verdicts }) => Object.keys(verdicts)))];
  const entropies = questions
    .flatMap(({ solutions }) => solutions.flatMap(({ entropies: own = [] }) => own))
    .sort((left, right) => left - right);
  // A few outliers must not take the contrast from all the others.
  const darkest = Math.max(1, entropies[Math.floor(entropies.length * 0.98)] ?? 100);
  fill(
    select('q-question'),
    questions.map(({ question, difficulty }, index) => [
      String(index),
      `${index + 1}. ${question.length > 60 ? `${question.slice(0, 59)}…` : question}${difficulty === '' ? '' : ` (${difficulty})`}`,
    ]),
  );
  fill(
    select('q-signal'),
    signals.map((name) => [name, name]),
  );
  // The first signal that asks a judge has most to show.
  const asking = signals.find((name) => (judges[name]?.length ?? 0) > 0 && judges[name]?.[0] !== auditor);
  if (asking !== undefined) select('q-signal').value = asking;
  fill(
    select('q-judge'),
    known.map((name) => [name, name === auditor ? `${name} (the stronger judge)` : name]),
  );
  let ranked = '';
  control('questions', ['q-question', 'q-signal', 'q-judge'], () => {
    const question = questions[Number(select('q-question').value)];
    const signal = select('q-signal').value;
    const own = judges[signal]?.find((judge) => known.includes(judge));
    // Another signal brings its judge along, which the reader may then change.
    if (signal !== ranked && own !== undefined) select('q-judge').value = own;
    ranked = signal;
    const view = document.getElementById('q-view');
    if (question === undefined || view === null) return;
    const order = rankedBy(question, signal);
    const judge = select('q-judge').value;
    view.replaceChildren(
      make(
        'p',
        { class: 'asked' },
        make('strong', {}, question.question),
        question.answer === '' ? '' : ` answer ${question.answer}`,
      ),
      make('p', { class: 'why' }, whyItWon(data, question, signal, judge, order)),
      make(
        'ol',
        { class: 'ranked' },
        ...order.map((one) => solutionItem(question, signals, signal, one, darkest)),
      ),
      ...legend(question, darkest),
      ...matrix(question, judge, order),
    );
  });

  /** Solutions with the same text, as one. */
  interface Candidate {
    readonly text: string;
    /** Indices of the solutions. */
    readonly members: number[];
    readonly first: number;
  }

  function candidatesOf({ solutions }: BrowsedQuestion): Candidate[] {
    const byText = new Map<string, Candidate>();
    for (const [index, { text }] of solutions.entries()) {
      const known = byText.get(text);
      if (known === undefined) byText.set(text, { text, members: [index], first: index });
      else known.members.push(index);
    }
    return [...byText.values()];
  }

  function scoreOf(question: BrowsedQuestion, signal: string, { members }: Candidate): number {
    const scores = question.scores[signal]?.score ?? [];
    return members.reduce((sum, index) => sum + (scores[index] ?? 0), 0) / members.length;
  }

  function rankedBy(question: BrowsedQuestion, signal: string): Candidate[] {
    const value = new Map(candidatesOf(question).map((one) => [one, scoreOf(question, signal, one)]));
    return [...value.keys()].sort((left, right) => (value.get(right) ?? 0) - (value.get(left) ?? 0));
  }

  /** The mean preference for one solution over another when it is shown first, over all solutions with these texts. */
  function preferenceFor(
    question: BrowsedQuestion,
    judge: string,
    one: Candidate,
    other: Candidate,
  ): number | null {
    const found: number[] = [];
    for (const [i, j, forward, backward] of question.verdicts[judge] ?? []) {
      if (one.members.includes(i) && other.members.includes(j) && forward !== null) found.push(forward);
      // Both say how far i is preferred: forward when i is shown first, backward when j is.
      if (one.members.includes(j) && other.members.includes(i) && backward !== null) found.push(1 - backward);
    }
    return found.length === 0 ? null : found.reduce((sum, value) => sum + value, 0) / found.length;
  }

  /** In words: what speaks for the first. */
  function whyItWon(
    { audited }: BrowserData,
    question: BrowsedQuestion,
    signal: string,
    judge: string,
    order: readonly Candidate[],
  ): string {
    const [winner] = order;
    if (winner === undefined) return '';
    if (order.length === 1) return 'All solutions are the same: there is nothing to choose.';
    const tied = order.filter((one) => scoreOf(question, signal, one) === scoreOf(question, signal, winner));
    if (tied.length === order.length)
      return `${signal} tells no two of ${order.length} different solutions apart.`;
    const place = (value: (index: number) => number): number =>
      1 + order.filter((one) => value(one.first) < value(winner.first)).length;
    const solution = question.solutions[winner.first];
    const parts = [`No. 1 of ${order.length} different solutions for ${signal}.`];
    const others = order.slice(1);
    const both = others.map((other) => [
      preferenceFor(question, judge, winner, other),
      preferenceFor(question, judge, other, winner),
    ]);
    const asked = both.filter(([forward, backward]) => forward !== null && backward !== null);
    if (asked.length > 0) {
      const wins = asked.filter(
        ([forward, backward]) => (forward ?? 0) > 0.5 && (backward ?? 1) < 0.5,
      ).length;
      const swayed = asked.filter(
        ([forward, backward]) => ((forward ?? 0) - 0.5) * ((backward ?? 0) - 0.5) > 0,
      ).length;
      parts.push(
        `Judge ${judge} prefers it in both orders against ${wins} of ${asked.length}${swayed > 0 ? `, and goes by the order against ${swayed}` : ''}.`,
      );
    }
    if (solution !== undefined)
      parts.push(
        `Mean entropy ${share(solution.meanEntropy)}, ${ordinal(place((index) => question.solutions[index]?.meanEntropy ?? 0))}lowest; ${solution.tokens} tokens, ${ordinal(place((index) => question.solutions[index]?.tokens ?? 0))}shortest.`,
      );
    if (audited !== null && audited !== signal && question.scores[audited] !== undefined) {
      const rank = rankedBy(question, audited).findIndex(({ text }) => text === winner.text) + 1;
      parts.push(`For ${audited} it is no. ${rank}.`);
    }
    return parts.join(' ');
  }

  function solutionItem(
    question: BrowsedQuestion,
    signals: readonly string[],
    signal: string,
    one: Candidate,
    darkest: number,
  ): HTMLElement {
    const solution = question.solutions[one.first];
    if (solution === undefined) return make('li');
    const error = question.scores[signal]?.error[one.first] ?? 0;
    const facts = [
      `score ${share(scoreOf(question, signal, one))}${error > 0 ? ` ± ${share(error)}` : ''}`,
      ...(solution.style === undefined ? [] : [solution.style]),
      `${solution.tokens} tokens`,
      `mean entropy ${share(solution.meanEntropy)}`,
      ...(one.members.length > 1 ? [`sampled ${one.members.length} times`] : []),
    ];
    const ranks = signals
      .filter((name) => name !== signal)
      .map((name) => `${name} ${rankedBy(question, name).findIndex(({ text }) => text === one.text) + 1}`);
    return make(
      'li',
      {},
      make('p', { class: 'figures' }, facts.join(' · ')),
      make('pre', {}, ...tokensOf(solution, darkest)),
      make('p', { class: 'ranks' }, ranks.length === 0 ? '' : `Elsewhere: ${ranks.join(', ')}`),
    );
  }

  /** The text, token by token, with a shade for the entropy before each. */
  function tokensOf(
    { text, ends, entropies }: BrowsedQuestion['solutions'][number],
    darkest: number,
  ): (Node | string)[] {
    if (ends === undefined || entropies === undefined) return [text];
    const characters = [...text];
    let from = 0;
    return ends.map((end, index) => {
      const entropy = entropies[index] ?? 0;
      const written = characters.slice(from, end).join('');
      from = end;
      const shade = Math.round(Math.min(1, entropy / darkest) * 36);
      return make(
        'span',
        { class: 'token', style: `--shade:${shade}%`, title: `${share(entropy / 100)} nats` },
        written === '' ? '▪' : written,
      );
    });
  }

  function legend({ solutions }: BrowsedQuestion, darkest: number): HTMLElement[] {
    if (!solutions.some(({ entropies }) => entropies !== undefined)) return [];
    const steps = [0, 0.25, 0.5, 0.75, 1].map((part) =>
      make(
        'span',
        { class: 'token', style: `--shade:${Math.round(part * 36)}%` },
        ((part * darkest) / 100).toFixed(2),
      ),
    );
    return [make('p', { class: 'shades' }, 'Entropy before a token, nats: ', ...steps, ' ▪ is the end.')];
  }

  /** How far each row's solution is preferred when it is shown first, each column's second: a pair's two orders mirror each other. */
  function matrix(question: BrowsedQuestion, judge: string, order: readonly Candidate[]): HTMLElement[] {
    if ((question.verdicts[judge]?.length ?? 0) === 0 || order.length < 2) return [];
    const numbers = order.map((_, index) => make('th', { scope: 'col' }, String(index + 1)));
    const rows = order.map((one, row) =>
      make(
        'tr',
        {},
        make('th', { scope: 'row' }, String(row + 1)),
        ...order.map((other, column) => {
          if (row === column) return make('td', { class: 'same' }, '·');
          const value = preferenceFor(question, judge, one, other);
          if (value === null) return make('td', {}, '–');
          const back = preferenceFor(question, judge, other, one);
          const swayed = back !== null && (value - 0.5) * (back - 0.5) > 0;
          const side = value > 0.5 ? 'var(--better)' : 'var(--worse)';
          const cell = make(
            'td',
            { class: 'verdict', style: `--side:${side};--shade:${Math.round(Math.abs(value - 0.5) * 80)}%` },
            share(value),
          );
          if (swayed) cell.append(make('span', { class: 'swayed' }, '⇄'));
          return cell;
        }),
      ),
    );
    const caption = `Verdicts of ${judge}: how far the row's solution is preferred when it is shown first, the column's second. The other order of a pair stands across the diagonal; ⇄ marks pairs on which both orders prefer the same place.`;
    return [
      make('p', { class: 'caption', id: 'matrix-caption' }, caption),
      make(
        'div',
        { class: 'scroll', tabindex: '0', role: 'region', 'aria-labelledby': 'matrix-caption' },
        make(
          'table',
          { class: 'matrix' },
          make('thead', {}, make('tr', {}, make('td', {}, 'first ↓ second →'), ...numbers)),
          make('tbody', {}, ...rows),
        ),
      ),
    ];
  }
}
