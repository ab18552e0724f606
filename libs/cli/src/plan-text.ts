// The estimates of a plan in words.
import { formatSeconds } from '@overtone/report';
import type { Plan } from './dry-run.ts';
import type { Left } from './plan-estimates.ts';
import { near } from './runs-command.ts';

const count = (value: number): string => value.toLocaleString('en');

/** What is there already. */
export function describeKnown({ known, samples, evaluated, jobs }: Plan): string {
  if (known === null) return 'not known: name the run folder with --out to see what of it is there already';
  if (known.done) return 'everything: this run is done, and repeating it costs nothing';
  const saturated =
    known.saturated === null ? '' : `, of which ${count(known.saturated)} questions are saturated`;
  const parts = [
    `${count(known.samples)} of ${count(samples)} samples${saturated}`,
    `${count(known.jobs)} of ${count(jobs)} training jobs`,
    `at least ${count(known.evaluated)} of ${count(evaluated)} solutions of evaluations`,
  ];
  return known.samples + known.jobs + known.evaluated === 0 ? 'nothing' : parts.join('; ');
}

/** How many tokens are sampled, and read and written by judges that are models. */
export function describeTokens({ tokens, judges }: Left): string {
  const read = Object.entries(judges)
    .filter(([, { calls }]) => calls > 0)
    .map(
      ([name, { promptTokens, completionTokens }]) =>
        `${name} reads ${short(promptTokens)}, writes ${short(completionTokens)}`,
    );
  return tokens === 0 && read.length === 0
    ? 'none'
    : `at most ${short(tokens)} sampled${read.length === 0 ? '' : `; ${read.join('; ')}`}`;
}

/** "cost": what judges with prices may cost; no row without any. */
export function moneyRows({ judges }: Left): (readonly [string, string])[] {
  const priced = Object.entries(judges).flatMap(([name, { cost, budget }]) =>
    cost === null ? [] : [{ name, cost, budget: budget ?? Infinity }],
  );
  if (priced.length === 0) return [];
  const lines = priced.map(({ name, cost, budget }) =>
    cost > budget
      ? `${name} ${budget.toFixed(2)}, its budget; all of its comparisons would cost up to ${cost.toFixed(2)}`
      : `${name} ${cost.toFixed(2)} of a budget of ${budget.toFixed(2)}`,
  );
  return [['cost', `at most about ${lines.join('; ')}; in the currency of its prices`]];
}

/** How long it would take, and how that is known. */
export function describeTime({ time, known }: Plan): string {
  if (known?.done === true) return 'seconds: nothing is left to do';
  if (time === null)
    return 'not known: no run of this model is done in runs or beside --out that did all of this; the progress of the run will say';
  const most = known === null || known.saturated === null ? ' if every question is saturated' : '';
  return `about ${formatSeconds(time.seconds)}${most}, as the run in ${near(time.run)} took it`;
}

function short(value: number): string {
  if (value < 1e4) return count(value);
  return value < 1e6 ? `${(value / 1e3).toFixed(0)} k` : `${(value / 1e6).toFixed(1)} M`;
}
