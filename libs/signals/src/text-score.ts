// A score as every method gives it: one per distinct text of a group, shared by the solutions that have the text.

/** The score of a text. */
export interface TextScore {
  /** Larger is better. */
  score: number;
  /** Standard error of the score; 0 where the method gives none. */
  standardError: number;
}
