// The parts of report.json that say how good something is and how sure that is; the same in the result of `overtone eval`.
// What is null or absent by default was not measured by versions before it.
import { z } from 'zod';

export const share = z.number().min(0).max(1);
export const interval = z.tuple([z.number(), z.number()]);
const later = z.number().nullable().default(null);
const laterInterval = interval.nullable().default(null);
/** A value and its 95 % interval by bootstrap over questions; null where nothing defines it. */
const estimate = z.strictObject({ value: z.number(), ci95: interval }).nullable().default(null);

/** Metrics over a set of questions, each of which counts alike. Intervals: 95 %, bootstrap over questions. */
export const accuracy = z.strictObject({
  /** avg@k: mean accuracy over questions, samples and seeds. */
  avg: share,
  /** 95 % interval of avg: bootstrap over questions. */
  ci95: interval,
  /** pass@k for the largest k, as a rule the number of samples: how often at least one of k is correct, mean over seeds. */
  pass: share,
  passCi95: laterInterval,
  /** maj@k for the same k: how often the most frequent answer is the right one; answers that tie count in part. */
  maj: later,
  majCi95: laterInterval,
  /** pass@k and maj@k for several k, without bias where k is less than the number of samples. */
  atK: z.array(z.strictObject({ k: z.number(), pass: share, maj: z.number().nullable() })).default([]),
  /** Tokens a sample. */
  meanTokens: estimate,
  /** Share of samples cut at the token limit. */
  truncated: estimate,
  /** Share of samples without a readable answer. */
  unanswered: estimate,
  /** Standard deviation of avg between training seeds; null for fewer than two. */
  seedDeviation: later,
});

const mcnemar = z.strictObject({
  /** Questions that this one solves and the other does not: more than half of the samples, over all seeds, are correct. */
  gained: z.number(),
  /** Questions that the other solves and this one does not. */
  lost: z.number(),
  /** Exact, two-sided. */
  pValue: share,
  /** Adjusted by Holm's method over the same family of comparisons as `pHolm` beside it. */
  pHolm: share.nullable(),
});

const power = z.strictObject({
  /** Standard deviation of the differences between questions, with as many samples and seeds as were measured. */
  deviation: z.number(),
  /** Questions compared. */
  questions: z.number(),
  /** Probability of a false alarm: .05 over the number of comparisons in the family. */
  alpha: z.number(),
  /** Probability of seeing the difference, .8. */
  power: z.number(),
  /** The smallest difference that so many questions show with that probability; null where no difference could be shown. */
  detectable: z.number().nullable(),
  /** Questions that would be needed to see a difference as large as the measured one with that probability; null for none. */
  questionsNeeded: z.number().nullable(),
});

/** A paired difference. */
export const difference = z.strictObject({
  /** This one's value minus the other's, on the same questions. */
  value: z.number(),
  /** 95 % interval: bootstrap over questions. */
  ci95: interval,
  /** Two-sided paired permutation test over questions. */
  pValue: share,
  /** pValue adjusted by Holm's method over all arms compared with the same reference on the same split (over all of their levels, and all of their styles). */
  pHolm: share.nullable().default(null),
  /** McNemar's test; null for differences that are not of avg over all questions. */
  mcnemar: mcnemar.nullable().default(null),
  /** How many questions it takes; null in reports from before it was computed, and for fewer than two questions. */
  power: power.nullable().default(null),
});

/** Metrics at one difficulty. */
export const measuredLevel = z.strictObject({
  /** Label of difficulty. */
  difficulty: z.string(),
  /** Questions at this level. */
  questions: z.number(),
  ...accuracy.omit({ seedDeviation: true }).shape,
  /** Differences in avg, by the other's name. */
  against: z.record(z.string(), difference),
});

/** One style of solution. */
export const styleUse = z.strictObject({
  /** Its name, for example "steps". */
  style: z.string(),
  /** Share of the samples that have it. */
  share: z.strictObject({ value: share, ci95: interval }),
  /** Accuracy of these samples; null where there are none. */
  avg: estimate,
  /** Tokens of such a sample; null where there are none. */
  meanTokens: estimate,
  /** Differences in the share, by the other's name. */
  against: z.record(z.string(), difference),
});

/** How intervals, tests and numbers of questions were made. */
export const statistics = z.strictObject({
  /** Seed of the bootstrap and of the permutation tests. */
  seed: z.number(),
  /** Resamples of the bootstrap, and the share of them inside an interval. */
  resamples: z.number(),
  level: z.number(),
  /** Sign assignments of the permutation tests, over all questions and over single difficulties and styles; all of them where there are fewer. */
  permutations: z.number(),
  partPermutations: z.number(),
  /** How p-values are adjusted. */
  correction: z.literal('holm'),
  /** What numbers of questions are for. */
  alpha: z.number(),
  power: z.number(),
  /** With what others are compared. */
  references: z.array(z.string()),
});

export type Accuracy = z.infer<typeof accuracy>;
export type ReportedDifference = z.infer<typeof difference>;
export type MeasuredLevel = z.infer<typeof measuredLevel>;
export type StyleUse = z.infer<typeof styleUse>;
export type Statistics = z.infer<typeof statistics>;
