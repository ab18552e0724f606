// Saturation: a question is saturated for a model when every one of its samples is correct. Correctness then says nothing
// about which sample to learn from, and these are the questions that quality signals are for.

/** The samples of one question. */
export interface VerifiedGroup {
  /** For every sample, whether it is correct. */
  correct: readonly boolean[];
}

/** Which questions are saturated, and how many of all. */
export interface Saturation<Question> {
  /** The questions all of whose samples are correct, in the order given. */
  saturated: Question[];
  /** Questions looked at. */
  questions: number;
  /** Questions none of whose samples is correct. */
  unsolved: number;
  /** Questions by their number of correct samples: `byCorrect[c]` have c. */
  byCorrect: number[];
}

/** Whether all of a question's samples, and at least one, are correct. */
export function isSaturated({ correct }: VerifiedGroup): boolean {
  return correct.length > 0 && correct.every(Boolean);
}

/** Sorts out the saturated questions; keeps those alone, so that the others may stream by. */
export function findSaturated<Question extends VerifiedGroup>(
  groups: Iterable<Question>,
): Saturation<Question> {
  const saturation: Saturation<Question> = { saturated: [], questions: 0, unsolved: 0, byCorrect: [] };
  for (const group of groups) {
    const correct = group.correct.filter(Boolean).length;
    saturation.questions++;
    if (correct === 0) saturation.unsolved++;
    while (saturation.byCorrect.length <= group.correct.length) saturation.byCorrect.push(0);
    saturation.byCorrect[correct] = (saturation.byCorrect[correct] ?? 0) + 1;
    if (isSaturated(group)) saturation.saturated.push(group);
  }
  return saturation;
}
