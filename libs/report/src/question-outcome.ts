// What the samples of one question came to: all that metrics are made of.

/** The samples of one question that have one style. */
export interface StyleCount {
  /** Samples. */
  readonly samples: number;
  /** Correct ones among them. */
  readonly correct: number;
  /** Their tokens. */
  readonly tokens: number;
}

/** What the samples of one question came to. */
export interface QuestionOutcome {
  /** The problem's id. */
  problemId: string;
  /** Its label of difficulty. */
  difficulty: string;
  /** Samples. */
  samples: number;
  /** Correct samples. */
  correct: number;
  /** How often each wrong answer occurs; without it there is no maj@k. */
  wrong?: readonly number[];
  /** Tokens of all samples. */
  tokens?: number;
  /** Samples cut at the token limit. */
  truncated?: number;
  /** Samples without a readable answer. */
  unanswered?: number;
  /** Samples by style of solution; absent where the task has no styles. */
  styles?: Readonly<Record<string, StyleCount>>;
}
