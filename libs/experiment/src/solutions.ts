// Solutions: what was sampled, and the groups of correct ones that saturated questions leave.
import type { Solution } from '@overtone/contracts';
import type { Problem } from '@overtone/tasks';
import { z } from 'zod';

const sampledSolution = z.object({
  problemId: z.string(),
  index: z.int(),
  text: z.string(),
  meanEntropy: z.number(),
  meanLogprob: z.number(),
  tokens: z.int(),
  /** Absent in solutions without token entropies, and in those of older runs. */
  topEntropy: z.number().optional(),
});

/** One sampled solution of a problem. */
export type SampledSolution = z.infer<typeof sampledSolution>;

/** Reads a row of sampled solutions. */
export const parseSampledSolution = (value: unknown): SampledSolution => sampledSolution.parse(value);

/** A saturated question with its solutions, all correct. */
export interface Group {
  readonly problem: Problem;
  readonly solutions: readonly Solution[];
}

const group = z.object({
  problem: z.object({ id: z.string(), question: z.string(), answer: z.string(), difficulty: z.string() }),
  solutions: z.array(
    z.object({
      index: z.int(),
      text: z.string(),
      meanEntropy: z.number(),
      meanLogprob: z.number(),
      tokens: z.int(),
      topEntropy: z.number().optional(),
    }),
  ),
});

/** Reads a row of groups. */
export const parseGroup = (value: unknown): Group => group.parse(value);
