// What a step's metrics say that needs no model: tokens, their speed, and the lengths of sequences and completions.
import { completionLength } from './sequence.ts';
import { type StepPlan } from './step-plan.ts';

/** Counts of a step: its index, and the seconds it took. */
export type StepCounts = (index: number, seconds: number) => Record<string, number>;

/**
 * Counts of the steps of a plan. Names are TRL's where TRL has the same number: `num_tokens` are those of all steps so far, prompts
 * included, each as often as there are solutions to it; `completions/…` include the end token.
 */
export function stepCounts(plan: StepPlan): StepCounts {
  let sum = 0;
  const seen = plan.map((step) => {
    for (const { sequences } of step) for (const { tokens } of sequences) sum += tokens.length;
    return sum;
  });
  return (index, seconds) => {
    const sequences = (plan[index] ?? []).flatMap((example) => example.sequences);
    const completions = sequences.map(completionLength);
    const total = seen[index] ?? 0;
    const tokens = total - (seen[index - 1] ?? 0);
    return {
      tokens,
      num_tokens: total,
      tokens_per_second: tokens / seconds,
      'sequence_length/mean': tokens / sequences.length,
      'completions/mean_length': completions.reduce((all, length) => all + length, 0) / completions.length,
      'completions/min_length': Math.min(...completions),
      'completions/max_length': Math.max(...completions),
    };
  };
}
