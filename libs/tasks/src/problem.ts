// A question with its reference answer: what every task produces and every other room consumes.

/** A question with a reference answer; the same shape as `overtone.v1.Problem`. */
export interface Problem {
  /** Unique within a data set; part of the randomness of every sample of this problem. */
  id: string;
  /** The question as the task renders it, without chat template. */
  question: string;
  /**
   * The reference answer in canonical form: a number without separators ("18", "-7.5", "1/3", "50%"), or a text. As the
   * data has it where a verifier of one's own reads it.
   */
  answer: string;
  /** A label of difficulty, for example "terms=4,max=20"; metrics are broken down by it. May be "". */
  difficulty: string;
}

/** A problem as it was loaded. */
export interface LoadedProblem extends Problem {
  /** The worked solution that came with the answer, where there is one. */
  solution?: string;
}
