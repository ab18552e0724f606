// The columns of a run's results as other programs read them. The names stay; columns are only ever added, at the end.
import type { ColumnKind } from './parquet-file.ts';

/** A column of a result table, and what it holds. */
type Column = readonly [ColumnKind, string];

const question = { question_id: ['text', 'the question'] } as const satisfies Record<string, Column>;
const sampler = {
  arm: ['text', 'whose weights: an arm, or "base"'],
  seed: ['optional integer', 'of its training; null for the base model'],
  round: ['integer', 'after how many rounds of training; 0 for the base model'],
} as const satisfies Record<string, Column>;
const response = {
  sample_index: ['integer', 'number of the sample, from 0'],
  response: ['text', 'the text of the solution'],
  num_tokens: ['integer', 'its tokens'],
} as const satisfies Record<string, Column>;
const split = { split: ['text', 'easy, hard or development'] } as const satisfies Record<string, Column>;

/** Every table: what a row is, and its columns. */
export const RESULT_COLUMNS = {
  questions: {
    row: 'a question',
    columns: {
      ...question,
      split: ['text', 'train, development, easy or hard'],
      question: ['text', 'what is asked'],
      answer: ['text', 'the right answer'],
      difficulty: ['text', 'its label of difficulty'],
      saturated: ['flag', 'every sample of the base model is correct; false outside of train'],
    },
  },
  samples: {
    row: 'a sample of a training question',
    columns: {
      ...question,
      ...sampler,
      ...response,
      mean_logprob: ['number', 'mean log-probability of its tokens, nats'],
      mean_entropy: ['number', 'mean entropy of the distributions they were drawn from, nats'],
    },
  },
  scores: {
    row: 'the score that a signal gives a correct sample',
    columns: {
      ...question,
      ...sampler,
      signal: ['text', 'name of the signal'],
      sample_index: ['integer', 'the sample'],
      score: ['number', 'higher is better'],
      standard_error: ['optional number', 'of the score; null where nothing defines it'],
    },
  },
  verdicts: {
    row: "a judge's verdict on a pair of samples",
    columns: {
      ...question,
      ...sampler,
      judge: ['text', 'name of the judge'],
      sample_a: ['integer', 'one sample'],
      sample_b: ['integer', 'the other'],
      preference_ab: [
        'optional number',
        'probability that a is better, with a shown first; null: unreadable or not asked',
      ],
      preference_ba: [
        'optional number',
        'probability that a is better, with b shown first; null: unreadable or not asked',
      ],
    },
  },
  completions: {
    row: 'a sample of an evaluation',
    columns: {
      ...question,
      ...sampler,
      ...split,
      step: ['optional integer', 'of the weights, where a step was being chosen; null otherwise'],
      learning_rate: ['optional number', 'the same'],
      ...response,
      correct: ['flag', 'the verifier accepts it'],
      answered: ['flag', 'an answer can be read'],
      truncated: ['flag', 'cut at the token limit'],
    },
  },
  evaluations: {
    row: 'a question of an evaluation',
    columns: {
      ...question,
      ...sampler,
      ...split,
      step: ['optional integer', 'as in completions'],
      learning_rate: ['optional number', 'as in completions'],
      difficulty: ['optional text', 'label of difficulty; null where the questions cannot be read again'],
      num_samples: ['integer', 'samples'],
      num_correct: ['integer', 'correct ones'],
      accuracy: ['number', 'num_correct / num_samples'],
      mean_tokens: ['number', 'tokens a sample'],
    },
  },
  arms: {
    row: 'an arm on a split, over all seeds, after its last round',
    columns: {
      arm: ['text', 'its name, or "base"'],
      signal: ['optional text', 'null for the base model'],
      objective: ['optional text', 'null for the base model'],
      split: ['text', 'easy or hard'],
      seeds: ['integer', 'training runs'],
      k: ['integer', 'samples a question'],
      avg_at_k: ['number', 'mean accuracy'],
      avg_at_k_low: ['number', 'its 95 % interval, bootstrap over questions'],
      avg_at_k_high: ['number', ''],
      pass_at_k: ['number', 'at least one of k is correct'],
      maj_at_k: ['optional number', 'the most frequent answer is correct'],
      mean_tokens: ['optional number', 'tokens a sample'],
      diff_base: ['optional number', 'avg@k minus that of the base'],
      diff_base_low: ['optional number', 'its 95 % interval, bootstrap over questions'],
      diff_base_high: ['optional number', ''],
      p_value: ['optional number', 'of the difference: paired permutation test over questions'],
      p_holm: ['optional number', "adjusted by Holm's method over the arms"],
    },
  },
  signals: {
    row: 'a signal',
    columns: {
      signal: ['text', 'its name'],
      method: ['text', 'how it scores'],
      judge: ['optional text', 'whom it asks'],
      recommendation: ['optional text', 'use, attenuate or do not train'],
      kappa: ['optional number', "Cohen's kappa of its preferences against the auditor's"],
      kappa_low: ['optional number', 'its 95 % interval, bootstrap over questions'],
      kappa_high: ['optional number', ''],
      tau: ['optional number', "Kendall's tau-b of its scores against the auditor's"],
      tau_low: ['optional number', 'its 95 % interval'],
      tau_high: ['optional number', ''],
      flip_rate: ['optional number', 'estimated share of preferences the wrong way round'],
      order_consistency: ['optional number', 'share of pairs whose two orders agree'],
      position_bias: ['optional number', 'mean preference for what is shown first, minus one half'],
      length_correlation: ['number', "Kendall's tau-b of score and tokens"],
      groups: ['integer', 'questions assessed'],
      audited_pairs: ['integer', 'pairs that the auditor has judged too'],
    },
  },
} as const satisfies Record<string, { row: string; columns: Record<string, Column> }>;

/** The name of a table. */
export type ResultTable = keyof typeof RESULT_COLUMNS;
export const RESULT_TABLES = Object.keys(RESULT_COLUMNS).filter(
  (name): name is ResultTable => name in RESULT_COLUMNS,
);

/** The kinds of a table's columns. */
export function columnKinds(table: ResultTable): Record<string, ColumnKind> {
  const columns: Readonly<Record<string, Column>> = RESULT_COLUMNS[table].columns;
  return Object.fromEntries(Object.entries(columns).map(([name, [kind]]) => [name, kind]));
}
