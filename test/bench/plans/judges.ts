// Judges whose truth is known. A judge perceives the difference of two solutions' true strengths with an error of its own for
// each pair, answers by Bradley–Terry at a temperature, and may favour the place shown first. It is asked in both orders.
import type { PairVerdict } from '@overtone/contracts';
import { normalDeviate, type Random } from '@overtone/statistics';

/** How a judge answers. */
export interface SimulatedJudge {
  readonly name: string;
  /** What the perceived difference is divided by before it becomes log-odds; 0 always names the one it takes for better. */
  readonly temperature: number;
  /** Standard deviation of the error of a perceived difference; solutions' strengths have 1. It is the same in both orders. */
  readonly error: number;
  /** Log-odds for the place shown first. */
  readonly positionBias: number;
  /** Whether it tells its probability, or answers with one of the two, drawn anew in each order. */
  readonly soft: boolean;
}

const hard = (temperature: number, rest: Partial<SimulatedJudge> = {}): SimulatedJudge => ({
  name: `hard, temperature ${temperature}`,
  temperature,
  error: 0,
  positionBias: 0,
  soft: false,
  ...rest,
});
const soft = (error: number, rest: Partial<SimulatedJudge> = {}): SimulatedJudge => ({
  name: `soft, error ${error}`,
  temperature: 1,
  error,
  positionBias: 0,
  soft: true,
  ...rest,
});

/** From the most reliable to the least, hard and soft. */
export const judges: readonly SimulatedJudge[] = [
  soft(0),
  soft(0.1),
  soft(0.1, { name: 'soft, error 0.1, sharp', temperature: 0.3 }),
  soft(0.1, { name: 'soft, error 0.1, position bias', positionBias: 1 }),
  soft(0.3),
  soft(1),
  hard(0),
  hard(0.1),
  hard(0.1, { name: 'hard, temperature 0.1, position bias', positionBias: 2 }),
  hard(0.3),
  hard(1),
];

/** A group's true strengths: standard normal. */
export function trueStrengths(size: number, random: Random): number[] {
  return Array.from({ length: size }, () => normalDeviate(random));
}

/** The judge's verdicts on every pair. */
export function judgeAll(judge: SimulatedJudge, strengths: readonly number[], random: Random): PairVerdict[] {
  return strengths.flatMap((one, i) =>
    strengths.slice(i + 1).map((other, offset) => {
      const perceived = one - other + judge.error * normalDeviate(random);
      const logOdds =
        judge.temperature === 0 ? Math.sign(perceived) * Infinity : perceived / judge.temperature;
      const answer = (favour: number): number => {
        const probability = 1 / (1 + Math.exp(-(logOdds + favour)));
        if (judge.soft) return probability;
        return random() < probability ? 1 : 0;
      };
      return {
        i,
        j: i + 1 + offset,
        forward: answer(judge.positionBias),
        backward: answer(-judge.positionBias),
      };
    }),
  );
}
