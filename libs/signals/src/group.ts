// A group: the solutions of one question, gathered by text. Solutions with the same text are the same solution sampled
// twice: they are never compared with each other (a verdict between them is a tie by definition) and share their scores.
// So everything pairwise works on the *distinct texts*, numbered in the order in which they first occur.
import type { Solution } from '@overtone/contracts';
import { InvalidInput } from './invalid-input.ts';

/** Solutions of one question that have the same text. */
export interface DistinctText {
  /** The text. */
  text: string;
  /** The solutions that have it, at least one, in the order given. */
  members: readonly [Solution, ...Solution[]];
}

/** The solutions of one question. */
export interface Group {
  /** The problem's id. */
  problemId: string;
  /** The solutions, in the order given. */
  solutions: readonly Solution[];
  /** The distinct texts, in the order in which they first occur. */
  texts: readonly DistinctText[];
  /** Position in `texts` of the text of a solution, by the solution's index. */
  textOf: ReadonlyMap<number, number>;
}

/** Most solutions in a group: what is pairwise grows with the square, Bradley–Terry with the cube. */
export const maxSolutions = 256;

/**
 * Gathers solutions by text.
 * @throws InvalidInput when the group has no id or solutions, too many of them, or an index occurs twice
 */
export function parseGroup(problemId: string, solutions: readonly Solution[]): Group {
  if (problemId === '') throw new InvalidInput('problem_id', 'is empty; expected the id of a problem');
  if (solutions.length === 0 || solutions.length > maxSolutions) {
    throw new InvalidInput(
      'solutions',
      `has ${solutions.length} solutions; expected between 1 and ${maxSolutions}`,
    );
  }
  const byText = new Map<string, number>();
  const textOf = new Map<number, number>();
  const texts: { text: string; members: [Solution, ...Solution[]] }[] = [];
  solutions.forEach((solution, position) => {
    if (textOf.has(solution.index)) {
      throw new InvalidInput(
        `solutions[${position}].index`,
        `is ${solution.index}, which another solution of the group has; expected every index once`,
      );
    }
    const known = byText.get(solution.text);
    if (known === undefined) {
      byText.set(solution.text, texts.length);
      textOf.set(solution.index, texts.length);
      texts.push({ text: solution.text, members: [solution] });
    } else {
      textOf.set(solution.index, known);
      texts[known]?.members.push(solution);
    }
  });
  return { problemId, solutions, texts, textOf };
}
