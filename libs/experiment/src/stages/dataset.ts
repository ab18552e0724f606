// The training data of a signal: saturated questions with their scored solutions, in the trainer's JSONL form.
import type { ArtifactRef } from '@overtone/artifacts';
import { askingTurns, type Prompt } from '@overtone/tasks';
import { findOrMake, type RunContext } from '../run-context.ts';
import type { Saturation } from './saturate.ts';
import type { Scores } from './score.ts';

/** Media type of training data. */
export const DATASET_MEDIA_TYPE = 'application/jsonl';

/**
 * Writes {"id", "messages", "solutions": [{"text", "score"}]} for every group. Arms with the same signal share it.
 *
 * @param temperature what scores are divided by. Default 1.
 */
export async function writeDataset(
  context: RunContext,
  name: string,
  prompt: Prompt,
  saturation: Saturation,
  scores: Scores,
  temperature?: number,
): Promise<ArtifactRef> {
  const rows = saturation.groups.map(({ problem, solutions }) => {
    const own = scores.byProblem.get(problem.id) ?? [];
    return {
      id: problem.id,
      messages: askingTurns(prompt, problem),
      solutions: solutions.map(({ text }, index) => {
        const score = own[index]?.score;
        if (score === undefined)
          throw new Error(`signal "${name}" has no score for solution ${index} of "${problem.id}"`);
        return { text, score: temperature === undefined ? score : score / temperature };
      }),
    };
  });
  const { ref } = await findOrMake(context, {
    stage: 'dataset',
    label: temperature === undefined ? name : `${name} at temperature ${temperature}`,
    key: {
      prompt: { ...prompt, turns: prompt.turns.map((turn) => ({ ...turn })) },
      groups: saturation.sha256,
      scores: scores.sha256,
      ...(temperature !== undefined && { temperature }),
    },
    make: () => context.store.writeJsonl(rows, DATASET_MEDIA_TYPE),
  });
  return ref;
}
