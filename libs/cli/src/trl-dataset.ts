// Scored groups as the data sets that TRL's trainers take, in its conversational format: what the objectives dpo, kto and sft
// would learn from, chosen by the same code.
import { createObjective, type ObjectiveSpec, type TrainingGroup } from '@overtone/training';
import type { Table, Turn } from './parquet-file.ts';

/** A data set: the trainer that takes it, its columns, and its rows. */
export interface TrlDataset extends Table {
  readonly name: 'dpo' | 'kto' | 'sft';
}

const answer = (text: string): readonly Turn[] => [{ role: 'assistant', content: text }];

/** What an objective takes from a group: its solutions, and one of its coefficients for each. */
function taken(spec: ObjectiveSpec, coefficient: string, { id, solutions }: TrainingGroup) {
  const scores = solutions.map(({ score }) => score);
  // None of these objectives chooses at random.
  const example = createObjective(spec).example({ id, scores }, () => 0);
  return (example?.solutions ?? []).flatMap((index, place) => {
    const solution = solutions[index];
    return solution === undefined
      ? []
      : [{ ...solution, value: example?.coefficients[coefficient]?.[place] ?? 0 }];
  });
}

/**
 * Data sets of the groups:
 * - dpo: the best and the worst solution of each group as `chosen` and `rejected`, with their scores; groups of equal scores are left out;
 * - kto: every solution, `label` true above the mean score of its group, false below; those at the mean are left out;
 * - sft: the best solution of each group after its question, as `messages`.
 */
export function trlDatasets(groups: readonly TrainingGroup[]): readonly TrlDataset[] {
  return [
    {
      name: 'dpo',
      columns: {
        id: 'text',
        prompt: 'turns',
        chosen: 'turns',
        rejected: 'turns',
        score_chosen: 'number',
        score_rejected: 'number',
      },
      rows: groups.flatMap((group) => {
        const [chosen, rejected] = taken({ type: 'dpo', beta: 1 }, 'sign', group);
        if (chosen === undefined || rejected === undefined) return [];
        return [
          {
            id: group.id,
            prompt: group.messages,
            chosen: answer(chosen.text),
            rejected: answer(rejected.text),
            score_chosen: chosen.score,
            score_rejected: rejected.score,
          },
        ];
      }),
    },
    {
      name: 'kto',
      columns: { id: 'text', prompt: 'turns', completion: 'turns', label: 'flag', score: 'number' },
      rows: groups.flatMap((group) =>
        taken({ type: 'kto', beta: 1 }, 'sign', group).map(({ text, score, value }) => ({
          id: group.id,
          prompt: group.messages,
          completion: answer(text),
          label: value > 0,
          score,
        })),
      ),
    },
    {
      name: 'sft',
      columns: { id: 'text', messages: 'turns', score: 'number' },
      rows: groups.flatMap((group) =>
        taken({ type: 'sft', selection: 'best' }, 'included', group).map(({ text, score }) => ({
          id: group.id,
          messages: [...group.messages, ...answer(text)],
          score,
        })),
      ),
    },
  ];
}
