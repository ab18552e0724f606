// A question with its reference answer: what every task produces and every other room consumes.

/** A question with a reference answer; the same shape as `overtone.v1.Problem`. */
export interface Problem {
  /** Unique within a data set; part of the randomness of every sample of this problem. */
  id: string;
  /** The question as the task renders it, without chat template. */
  question: string;
  /** The reference answer in canonical form: an integer without separators, sign only when negative. */
  answer: string;
  /** A label of difficulty, for example "terms=4,max=20"; metrics are broken down by it. May be "". */
  difficulty: string;
}
