// What is sampled, scored, trained on and judged: questions with solutions, real ones in lengths that occur, and prompts of given lengths.
import { type Message, type Tokenizer } from '@overtone/language-model';
import { renderSolution } from '@overtone/miniature';
import { seededRandom } from '@overtone/statistics';
import { CHAIN_SUM_STYLES, chainSum, loadGsm8k, parseChain } from '@overtone/tasks';
import { type Shape } from './shapes.ts';

/** A question and a text that answers it. */
export interface Answered {
  readonly question: string;
  readonly solution: string;
}

/** Questions with solutions, the same every time: ChainSum for the miniature, GSM8K for everything else. */
export async function answeredQuestions(shape: Shape, count: number): Promise<Answered[]> {
  if (shape !== 'miniature') {
    const problems = await loadGsm8k({ split: 'train', steps: [3, 5] });
    return problems.slice(0, count).map(({ question, solution }) => ({ question, solution: solution ?? '' }));
  }
  return chainSum({ seed: 1, count, minTerms: 4, maxTerms: 6, maxValue: 30, nonNegative: true }).map(
    ({ question }, index) => {
      const style = CHAIN_SUM_STYLES[index % CHAIN_SUM_STYLES.length] ?? 'steps';
      const random = seededRandom('bench', index);
      return { question, solution: renderSolution(parseChain(question) ?? [], style, 'loose', random) };
    },
  );
}

/** A question as a conversation. */
export const asking = (question: string): Message[] => [{ role: 'user', content: question }];

/** A prompt of exactly `length` tokens of text; those of different `index` differ from the first token on. */
export function promptOf(
  tokenizer: Tokenizer,
  texts: readonly Answered[],
  length: number,
  index: number,
): number[] {
  const tokens: number[] = [];
  for (let at = index; tokens.length < length; at++) {
    const { question, solution } = texts[at % texts.length] ?? { question: '1', solution: '1' };
    tokens.push(...tokenizer.encode(`${question}\n${solution}\n`));
  }
  return refreshed(tokens.slice(0, length), index, tokenizer.vocabSize);
}

/** The same text with another first token, so that nothing computed for it before can be used again. */
export function refreshed(tokens: readonly number[], round: number, vocabulary: number): number[] {
  return [5 + (round % (vocabulary - 5)), ...tokens.slice(1)];
}
