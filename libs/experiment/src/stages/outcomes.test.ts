import { FinishReason } from '@overtone/contracts';
import { builtInVerifier, type Problem, type Verifier } from '@overtone/tasks';
import { describe, expect, it } from 'vitest';
import { styleOfTask } from '../task-style.ts';
import { evaluatedSample, type EvaluatedRow, outcomesOf } from './outcomes.ts';

const problem: Problem = { id: 'a', question: '2 + 3', answer: '5', difficulty: 'terms=2' };

function rows(...texts: readonly string[]): EvaluatedRow[] {
  return texts.map((text, sampleIndex) => ({
    problemId: 'a',
    sampleIndex,
    text,
    correct: text.includes('{5') || text.includes('{10/2'),
    answered: text.includes('{'),
    tokens: text.length,
    finishReason: text.includes('{') ? FinishReason.FINISH_REASON_STOP : FinishReason.FINISH_REASON_LENGTH,
  }));
}

describe('outcomes', () => {
  const texts = [
    '2 + 3 = 5\n\\boxed{5}',
    '\\boxed{10/2}',
    '\\boxed{6}',
    '\\boxed{6.0}',
    '\\boxed{7}',
    '2 + ',
  ];

  it('count votes by what is answered, not by how it is written, with lengths, cuts and styles', () => {
    const style = styleOfTask({ kind: 'chain-sum' });
    const [outcome] = outcomesOf(rows(...texts), [problem], { verifier: builtInVerifier, style });
    expect(outcome).toMatchObject({
      samples: 6,
      correct: 2,
      wrong: [2, 1],
      tokens: texts.join('').length,
      truncated: 1,
      unanswered: 1,
    });
    expect(outcome?.styles).toMatchObject({
      steps: { samples: 1, correct: 1 },
      direct: { samples: 4, correct: 1 },
    });
    expect(styleOfTask({ kind: 'jsonl' })).toBeUndefined();
  });

  it('know no majority where a verifier of one’s own reads what cannot be read here', () => {
    const verifier: Verifier = { ...builtInVerifier, sha256: 'f'.repeat(64) };
    const own = rows('\\boxed{5}', 'print(4)').map((row) => ({ ...row, answered: true }));
    expect(outcomesOf(own, [problem], { verifier })[0]).not.toHaveProperty('wrong');
    expect(outcomesOf(rows('\\boxed{5}', '\\boxed{4}'), [problem], { verifier })[0]?.wrong).toEqual([1]);
  });

  it('are read from what earlier versions wrote', () => {
    const line =
      '{"problemId":"a","sampleIndex":0,"text":"So","correct":false,"answered":true,"tokens":50,"finishReason":1}';
    expect(evaluatedSample.parse(JSON.parse(line)).finishReason).toBe(FinishReason.FINISH_REASON_STOP);
  });
});
