// report.json: what a run found, in numbers. The one form that the table and the HTML page are drawn from.
import { z } from 'zod';
import {
  accuracy,
  difference,
  interval,
  measuredLevel,
  share,
  statistics,
  styleUse,
} from './measurement-schema.ts';

const splitAccuracy = z.strictObject({ easy: accuracy, hard: accuracy });

/** What a round's samples of the training questions came to; numbers of questions are means over seeds in an arm's summary. */
const resampled = {
  /** From 1. */
  round: z.number(),
  /** Saturated questions among the training questions, sampled with the weights of the round before. */
  saturated: z.number(),
  /** Of those that were saturated in the round before, how many are not any more; 0 in the first. */
  noLonger: z.number(),
  /** Saturated ones that were not in the round before; 0 in the first. */
  newly: z.number(),
  /** Mean accuracy of the samples. */
  accuracy: share,
};

/** Differences on both splits. */
const splitDifference = z.strictObject({ easy: difference, hard: difference });
const split = z.enum(['easy', 'hard']);

const seedRound = z.strictObject({
  ...resampled,
  /** Learning rate; null where nothing was trained, and the weights are those of the round before. */
  learningRate: z.number().nullable(),
  /** Step whose weights were measured; null where nothing was trained. */
  step: z.number().nullable(),
  /** avg on the development split; null without one. */
  development: share.nullable(),
  /** The alarm that ended the training, in words; absent where none did. */
  alarm: z.string().optional(),
  /** On fresh questions, after the round. */
  eval: z.strictObject({
    easy: z.strictObject({ avg: share, pass: share }),
    hard: z.strictObject({ avg: share, pass: share }),
  }),
});

const round = z.strictObject({
  ...resampled,
  /** Seeds that were trained in this round; those of the others stay as they were, and are measured so. */
  trained: z.number(),
  /** On fresh questions, after the round, over all seeds. */
  eval: splitAccuracy,
  /** Paired differences against the base, adjusted over the arms that have this round. */
  against: z.record(z.string(), splitDifference).default({}),
});

const perSeed = z.strictObject({
  /** Seed of the training run; null for the base model. */
  seed: z.number().nullable(),
  /** Learning rate that was used. */
  learningRate: z.number().nullable(),
  /** Step whose weights were measured. */
  step: z.number().nullable(),
  /** avg on the development split of the weights that were measured; null without such a split. */
  development: share.nullable(),
  /** The alarm that ended the training, in words; absent where none did. */
  alarm: z.string().optional(),
  /** On fresh questions. */
  eval: z.strictObject({
    easy: z.strictObject({ avg: share, pass: share }),
    hard: z.strictObject({ avg: share, pass: share }),
  }),
  /** Each round; absent for arms of one round. */
  rounds: z.array(seedRound).optional(),
});

const level = z.strictObject({
  /** "easy" or "hard". */
  split,
  ...measuredLevel.shape,
  // Absent in reports from before they were measured.
  ci95: interval.nullable().default(null),
  pass: share.nullable().default(null),
  against: measuredLevel.shape.against.default({}),
});

const arm = z.strictObject({
  /** Name, for example "dpo/self-judge". */
  name: z.string(),
  /** The signal; null for the base model. */
  signal: z.string().nullable(),
  /** The objective, for example "sft", "dpo", "rrhf-bt" or "rloo"; null for the base model. */
  objective: z.string().nullable(),
  /** Seeds of the training runs. */
  seeds: z.array(z.number()),
  /** Over all seeds. */
  eval: splitAccuracy,
  /** Each training run, measured after its last round. */
  perSeed: z.array(perSeed),
  /** What the arm came to after each round of sampling, scoring and training; absent for arms of one round. */
  rounds: z.array(round).optional(),
  /** By difficulty, over all seeds. */
  levels: z.array(level),
  /** Paired differences against other arms, by the other arm's name: "base", "sft/random". */
  against: z.record(z.string(), splitDifference),
  /** By style of solution, over all seeds; empty where the task has no styles, and in reports from before they were counted. */
  styles: z.array(z.strictObject({ split, ...styleUse.shape })).default([]),
});

const estimate = z.number().nullable();
/** Null where nothing defines it, and in reports from before it was measured. */
const later = z.number().nullable().default(null);
const laterInterval = interval.nullable().default(null);
const measured = z
  .strictObject({
    value: z.number(),
    /** 95 % interval: bootstrap over questions. */
    ci95: interval,
  })
  .nullable()
  .default(null);

const reliabilityBin = z.strictObject({
  /** Ends of the bin of confidence, in [0.5, 1]. */
  lower: share,
  upper: share,
  /** Audited pairs in it. */
  pairs: z.number(),
  /** Their mean confidence. */
  confidence: share,
  /** Share on which the stronger judge prefers the same side. */
  accuracy: share,
});

const panelJudge = z.strictObject({
  /** Name in the experiment. */
  judge: z.string(),
  /** The factor by which the log-odds of its verdicts count, estimated from how the judges agree; below 0 they are turned round. */
  reliability: z.number(),
  /** Pairs on which it was held against the rest of the panel. */
  pairs: z.number(),
});

const signal = z.strictObject({
  /** Name, for example "self-judge". */
  name: z.string(),
  /** How it scores, for example "bradley-terry". */
  method: z.string(),
  /** The judge that it asks; null without one. */
  judge: z.string().nullable(),
  /** Cohen's kappa of pairwise preferences against the stronger judge; null without an audit. */
  kappa: estimate,
  /** 95 % interval of kappa. */
  kappaCi95: interval.nullable(),
  /** Kendall's tau-b of scores against the stronger judge's; null without an audit. */
  tau: estimate,
  /** 95 % interval of tau. */
  tauCi95: interval.nullable(),
  /** Share of pairs whose two orders agree; null without a judge. */
  orderConsistency: estimate,
  /** Mean preference for the solution shown first, minus one half; null without a judge. */
  positionBias: estimate,
  /** Share of unreadable verdicts; null without a judge. */
  unreadable: estimate,
  /** Share of triples with a cycle of preferences; null without a judge. */
  intransitivity: estimate,
  /** Kendall's tau-b between score and number of tokens. */
  lengthCorrelation: z.number(),
  /** Groups assessed. */
  groups: z.number(),
  /** Pairs on which both the signal and the stronger judge have a preference. */
  auditedPairs: z.number(),
  /** Groups with audited pairs. */
  auditedGroups: later,
  /** What to do with the signal; null in reports from before there were recommendations. */
  recommendation: z.enum(['use', 'attenuate', 'do not train']).nullable().default(null),
  /** Why, in a sentence or two that name the figures. */
  reason: z.string().nullable().default(null),
  /** Audited groups, all together, after which the recommendation can be expected to be settled; 0 when it is. */
  groupsNeeded: z.number().default(0),
  /** Estimated share of preferences that are the wrong way round, over pairs of solutions. */
  flipRate: measured,
  /** Whether the flip rate is only the least that the signal's contradictions leave possible. */
  flipRateIsLowerBound: z.boolean().default(false),
  /** The flip rate of the best solution of each group against each of the others. */
  bestFlipRate: measured,
  /** The flip rate of the best against the worst solution of each group. */
  bestWorstFlipRate: measured,
  /** Estimated share of the auditor's own preferences that are wrong by chance. */
  auditorNoise: later,
  /** Share of audited pairs on which both prefer the same side. */
  accuracy: measured,
  /** The same over the half of them on which the signal is most confident. */
  confidentAccuracy: measured,
  /** Kendall's partial tau with the stronger judge given the number of tokens. */
  partialTau: measured,
  /** Kendall's tau-b between the scores of two halves of the verdicts, stepped up to all of them. */
  splitHalfReliability: measured,
  /** Share of pairs on which both orders together prefer neither. */
  tieRate: measured,
  /** 95 % intervals of the shares above. */
  orderConsistencyCi95: laterInterval,
  positionBiasCi95: laterInterval,
  intransitivityCi95: laterInterval,
  lengthCorrelationCi95: laterInterval,
  /** Expected calibration error of the verdicts against the stronger judge. */
  calibrationError: measured,
  /** The same after calibration by temperature, on questions that it was not fitted to. */
  calibratedError: later,
  /** Log-odds are to be divided by it. */
  temperature: later,
  /** Platt calibration of single verdicts: bias + slope × log-odds for the solution shown first. */
  plattBias: later,
  plattSlope: later,
  /** Expected calibration error of single verdicts after it, on questions that it was not fitted to. */
  plattCalibratedError: later,
  /** Expected calibration error of single verdicts as they are. */
  verdictCalibrationError: later,
  /** The reliability diagram. */
  reliability: z.array(reliabilityBin).default([]),
  /** The judges of a panel; empty for other signals. */
  panel: z.array(panelJudge).default([]),
});

const judge = z.strictObject({
  /** Name in the experiment. */
  name: z.string(),
  /** "generator", "openai", "rubric" or "address". */
  backend: z.string(),
  /** How pairs were chosen. */
  plan: z.string(),
  /** Comparisons that this run has paid for, each order one; those that were known already cost nothing. */
  calls: z.number(),
  /** Tokens of them. */
  promptTokens: z.number(),
  completionTokens: z.number(),
  /** Their cost, in the currency of the prices; null without prices. */
  cost: z.number().nullable(),
  /** What was allowed; null without limits. */
  budget: z
    .strictObject({
      calls: z.number().optional(),
      tokens: z.number().optional(),
      currency: z
        .strictObject({
          amount: z.number(),
          promptPerMillion: z.number(),
          completionPerMillion: z.number(),
        })
        .optional(),
    })
    .nullable(),
  /** Pairs with verdicts. */
  pairs: z.number(),
  /** Verdicts, each order one, that could not be read. */
  unreadable: z.number(),
  /** Groups. */
  groups: z.number(),
  /** Groups left without verdicts, since the budget was spent. */
  unjudged: z.number(),
});

/** The schema of report.json. */
export const reportSchema = z.strictObject({
  /** The experiment's name. */
  name: z.string(),
  /** The model that was trained. */
  model: z.strictObject({ name: z.string(), sha256: z.string(), parameters: z.number() }),
  /** Training questions, how many of them were saturated, and the mean accuracy on them. */
  saturation: z.strictObject({ questions: z.number(), saturated: z.number(), accuracy: share }),
  /** How far each signal can be trusted. */
  signals: z.array(signal),
  /** What was bought of each judge. */
  judges: z.array(judge).default([]),
  /** The base model, then every arm. */
  arms: z.array(arm),
  /** How intervals, tests and numbers of questions were made; null in reports from before it was written down. */
  statistics: statistics.nullable().default(null),
  /** Samples per question in the evaluation: the k of avg@k and pass@k. */
  samples: z.number(),
  /** Seconds that each stage was at work, over all sittings of the run. */
  timings: z.record(z.string(), z.number()),
});

/** What a run found. */
export type Report = z.infer<typeof reportSchema>;
export type ReportedArm = z.infer<typeof arm>;
export type ReportedJudge = z.infer<typeof judge>;
export type ReportedSignal = z.infer<typeof signal>;
/** Signals as `overtone signals` writes them: an array of the cards of report.json. */
export const reportedSignalSchema = signal;
export type ReportedReliabilityBin = z.infer<typeof reliabilityBin>;
export type {
  Accuracy,
  MeasuredLevel,
  ReportedDifference,
  Statistics,
  StyleUse,
} from './measurement-schema.ts';
/** An arm, with what older reports lack filled in. */
export const reportedArmSchema = arm;

/** Reads report.json. @throws Error that names the first field which is not as expected. */
export function parseReport(json: string): Report {
  const parsed = reportSchema.safeParse(JSON.parse(json));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Error(`not a report: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`);
}
