// The schema of an experiment's task: every kind of question, every key with its meaning, unit and default.
import { DEFAULT_PROMPT_TEMPLATE, isHubLocation, parseHubLocation } from '@overtone/tasks';
import { z } from 'zod';
import { object, oneOf } from './strict.ts';

const integer = z.int();
const count = integer.min(1);
const seed = integer.min(0);

/** Questions of a ChainSum split, "12 + 5 - 3". */
const plainChainSum = object({
  /** Seed of the questions. */
  seed,
  /** Number of questions. */
  count: integer.min(0),
  /** Fewest and most terms. */
  terms: range(2),
  /** Largest term; with several, one is drawn for each question. */
  max: z.union([integer.min(1), z.array(integer.min(1)).min(1)], {
    error: 'must be a whole number of at least 1, or a list of them',
  }),
  /** Keep running totals from going below zero. Default false. */
  nonNegative: z.boolean().default(false),
});

/**
 * Questions of a ChainSum split with the parameters, distribution and wording of reasoning-gym's `chain_sum`: "State the
 * final answer to the following arithmetic problem: 4 + 3 =". The same seed draws other questions than it does there.
 */
const reasoningGymChainSum = object({
  /** Seed of the questions. */
  seed,
  /** Number of questions. Default 500. */
  size: count.default(500),
  /** Fewest terms. Default 2. */
  minTerms: count.default(2),
  /** Most terms. Default 6. */
  maxTerms: count.default(6),
  /** Fewest digits of a term. Default 1. */
  minDigits: count.max(15).default(1),
  /** Most digits of a term, at most 15; the terms of a question have equally many. Default 4. */
  maxDigits: count.max(15).default(4),
  /** Terms may be negative, and shorter than their digits. Default false. */
  allowNegation: z.boolean().default(false),
})
  .refine(({ minTerms, maxTerms }) => minTerms <= maxTerms, {
    path: ['maxTerms'],
    error: 'must be at least minTerms, which is 2 by default',
  })
  .refine(({ minDigits, maxDigits }) => minDigits <= maxDigits, {
    path: ['maxDigits'],
    error: 'must be at least minDigits, which is 1 by default',
  });

/** Reasoning-gym's questions where a split has one of the keys that only they have. */
const chainSumSplit = oneOf(plainChainSum, reasoningGymChainSum, [
  'size',
  'minTerms',
  'maxTerms',
  'minDigits',
  'maxDigits',
  'allowNegation',
]);

const selection = {
  /** Number of questions; all after the offset when absent. */
  count: integer.min(0).optional(),
  /** Questions to leave out first. Splits with the same seed and ranges that do not overlap share none. Default 0. */
  offset: integer.min(0).default(0),
  /** Shuffles the questions before they are counted; absent, they keep their order. */
  seed: seed.optional(),
};

const location = z
  .string()
  .min(1)
  .superRefine((path, context) => {
    if (!isHubLocation(path)) return;
    try {
      parseHubLocation(path);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    }
  });

/** Questions of a GSM8K split. */
const gsm8kSplit = object({
  /** Which part of GSM8K: 7,473 questions in "train", 1,319 in "test". */
  split: z.enum(['train', 'test']),
  /** Only questions whose solution takes from so many to so many calculations, for example [2, 3]. Default all. */
  steps: range(1).optional(),
  ...selection,
});

/** Questions of a file. */
const fileSplit = object({
  /** The file, relative to the experiment file, or "hf://datasets/owner/name[@revision]/path/to/file". */
  path: location,
  ...selection,
});

/** Names of the fields that hold the question and what belongs to it. */
const fields = object({
  /** The question. Default "question". */
  question: z.string().min(1).optional(),
  /** The answer: a number, a short text, or a worked solution that ends in "#### 18" or \boxed{18}. Default "answer". */
  answer: z.string().min(1).optional(),
  /** The id, where records have one. Default "id"; derived from the question where there is none. */
  id: z.string().min(1).optional(),
  /** The label of difficulty, where records have one. Default "difficulty". */
  difficulty: z.string().min(1).optional(),
});

/** A solved question of one's own. */
const example = object({ question: z.string().min(1), solution: z.string().min(1) });

/** Some of the training questions, with the solutions that the data hold. */
const drawnExamples = object({
  /** How many solved questions to show before each question; taken out of the training questions. */
  count,
  /** Chooses them. Default 0. */
  seed: seed.default(0),
});

function splits<Split extends z.ZodType>(split: Split) {
  return {
    /** Questions to sample, and to train on where they are saturated. */
    train: split,
    /** Questions on which learning rates and stopping steps are chosen. */
    development: split.optional(),
    /** Fresh questions as easy as the training questions. */
    easy: split,
    /** Fresh questions that the base model often gets wrong. */
    hard: split,
  };
}

/** Fewest and most. */
function range(least: number) {
  return z
    .tuple([integer.min(least), integer.min(least)])
    .refine(([fewest, most]) => fewest <= most, 'must be [fewest, most] with fewest ≤ most');
}

const prompt = z.string().refine((template) => template.includes('{question}'), 'must contain "{question}"');

const common = {
  /**
   * A module of one's own, relative to the experiment file, that exports `verify(problem, text)` and returns
   * { correct, answered } or a promise of it. It gets answers as the data has them. An evaluator that runs elsewhere must
   * have been started with the same file (OVERTONE_VERIFIER). Default: the built-in verifier of final answers.
   */
  verifier: z.string().min(1).optional(),
};

const worded = {
  ...common,
  /** The prompt around "{question}". Default: asks to work step by step and to put the answer in a box. */
  prompt: prompt.default(DEFAULT_PROMPT_TEMPLATE),
  /**
   * Solved examples, shown as turns of the conversation before every question: a list of one's own, or { count, seed } to take
   * some of the training questions, whose data must hold worked solutions. Default none.
   */
  examples: z
    .union([z.array(example), drawnExamples], {
      error: 'must be a list of { question, solution }, or { count, seed }',
    })
    .optional(),
};

/** The task. */
export const task = z.discriminatedUnion(
  'kind',
  [
    object({
      kind: z.literal('chain-sum'),
      ...common,
      /** The prompt around "{question}". Default the question alone. */
      prompt: prompt.default('{question}'),
      /** Solved examples, shown as turns of the conversation before every question. Default none. */
      examples: z.array(example).optional(),
      ...splits(chainSumSplit),
    }),
    object({
      kind: z.literal('gsm8k'),
      ...worded,
      /** A folder with train.jsonl and test.jsonl, or "hf://datasets/openai/gsm8k". Default: the copy that is shipped. */
      path: location.optional(),
      ...splits(gsm8kSplit),
    }),
    object({
      /** One record a line; compressed where the file's name ends in .gz, .br or .zst. */
      kind: z.literal('jsonl'),
      ...worded,
      fields: fields.optional(),
      ...splits(fileSplit),
    }),
    object({
      /** One record a row. */
      kind: z.literal('parquet'),
      ...worded,
      fields: fields.optional(),
      ...splits(fileSplit),
    }),
  ],
  { error: 'must have a "kind": "chain-sum", "gsm8k", "jsonl" or "parquet"' },
);

/** The task as a file says it, with defaults filled in. */
export type Task = z.infer<typeof task>;
