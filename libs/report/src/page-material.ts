// What the page shows besides report.json: what happened on the way, what was spent, and questions to look at. Read from a run's
// artifacts when the page is made; a part that a run does not have is left out of the page.

/** Metrics of a training, step by step. */
export interface TrainingCurve {
  /** The arm's name. */
  readonly arm: string;
  readonly seed: number;
  /** From 1. */
  readonly round: number;
  /** The learning rate where several were tried; only the chosen one need be here. */
  readonly learningRate: number | null;
  readonly points: readonly { readonly step: number; readonly values: Readonly<Record<string, number>> }[];
}

/** What a stage did and what that cost; null where nothing says. */
export interface StageCost {
  readonly stage: string;
  /** What a call is: "solutions", "comparisons", "steps". */
  readonly unit: string;
  readonly calls: number | null;
  /** Tokens written. */
  readonly tokens: number | null;
  /** Tokens read. */
  readonly promptTokens: number | null;
  /** Seconds at work, over all sittings. */
  readonly seconds: number | null;
  /** In the currency of the prices. */
  readonly money: number | null;
}

/** What kept a service busy. */
export interface ServiceTime {
  readonly service: string;
  /** What it did, for example "sample" or "GeneratorService/Score". */
  readonly operation: string;
  readonly calls: number;
  /** Seconds in which at least one of these calls was open. */
  readonly busy: number;
  /** Seconds of all of them together, which may be more than passed. */
  readonly total: number;
}

/** When something was at work: seconds from the beginning, the pauses between sittings left out. */
export interface BusySpan {
  readonly lane: string;
  readonly start: number;
  readonly end: number;
}

/** A solution to look at. */
export interface BrowsedSolution {
  readonly text: string;
  readonly tokens: number;
  readonly meanEntropy: number;
  /** Absent where the task has no styles. */
  readonly style?: string;
  /** Where each token ends in the text, in code points, and the entropy before it, in hundredths of a nat; absent where nobody said. */
  readonly ends?: readonly number[];
  readonly entropies?: readonly number[];
}

/** A verdict on a pair: how far i is preferred when i is shown first, and when j is; null where it was unreadable or not asked for. */
export type BrowsedVerdict = readonly [i: number, j: number, forward: number | null, backward: number | null];

/** A saturated question. */
export interface BrowsedQuestion {
  readonly id: string;
  readonly question: string;
  readonly answer: string;
  readonly difficulty: string;
  readonly solutions: readonly BrowsedSolution[];
  /** Scores by signal, and their standard errors, in the order of the solutions. */
  readonly scores: Readonly<
    Record<string, { readonly score: readonly number[]; readonly error: readonly number[] }>
  >;
  /** By judge. */
  readonly verdicts: Readonly<Record<string, readonly BrowsedVerdict[]>>;
}

/** A fresh question and what arms answered. */
export interface BrowsedAnswers {
  readonly id: string;
  readonly question: string;
  readonly answer: string;
  readonly difficulty: string;
  /** By arm. */
  readonly arms: Readonly<Record<string, readonly BrowsedAnswer[]>>;
}

/** One of an arm's samples. */
export interface BrowsedAnswer {
  readonly text: string;
  readonly correct: boolean;
  readonly tokens: number;
  readonly style?: string;
}

/** What the browser of questions holds. */
export interface BrowserData {
  /** Judge of each signal that asks one. */
  readonly judges: Readonly<Record<string, readonly string[]>>;
  /** The judge that signals are held against; null without an audit. */
  readonly auditor: string | null;
  /** The signal that is made of that judge's verdicts alone; null where there is none. */
  readonly audited: string | null;
  readonly questions: readonly BrowsedQuestion[];
  /** How many saturated questions there are. */
  readonly ofQuestions: number;
  readonly answers: readonly BrowsedAnswers[];
  /** How many questions were measured. */
  readonly ofAnswers: number;
  /** The seed whose answers are shown. */
  readonly seed: number | null;
}

/** What it takes to do it again. */
export interface Provenance {
  /** The resolved configuration, YAML. */
  readonly configuration: string;
  /** Name and value, in the order in which they are shown. */
  readonly facts: readonly (readonly [name: string, value: string])[];
}

/** Everything that the page shows besides report.json. */
export interface PageMaterial {
  readonly curves?: readonly TrainingCurve[];
  readonly costs?: readonly StageCost[];
  readonly services?: readonly ServiceTime[];
  readonly timeline?: readonly BusySpan[];
  readonly browser?: BrowserData;
  readonly provenance?: Provenance;
}
