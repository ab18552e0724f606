// The test double of the scorer: scores are wins, and what a card says depends on the method alone.
import { Recommendation, ScoreMethod, ScorerServiceService, type Solution } from '@overtone/contracts';
import { bidiHandler, clientStreamHandler } from '@overtone/rpc';
import { seededRandom } from '@overtone/statistics';

/** A scorer as a service; `called` hears the name of every RPC. */
export function scorerDouble(called: (rpc: string) => boolean) {
  const score = (method: number, solution: Solution, wins: number, random: () => number): number => {
    if (method === ScoreMethod.SCORE_METHOD_INVERSE_ENTROPY) return 1 / solution.meanEntropy;
    if (method === ScoreMethod.SCORE_METHOD_BREVITY) return -solution.tokens;
    return method === ScoreMethod.SCORE_METHOD_RANDOM ? random() : wins;
  };
  type Requests<Name extends 'planComparisons' | 'scoreGroups' | 'estimateReliability' | 'assessFidelity'> =
    AsyncIterable<Parameters<(typeof ScorerServiceService)[Name]['requestSerialize']>[0]>;
  return {
    definition: ScorerServiceService,
    implementation: {
      planComparisons: bidiHandler(async function* (requests: Requests<'planComparisons'>) {
        called('planComparisons');
        for await (const { problemId, solutions } of requests) {
          const pairs = solutions.flatMap((one, i) =>
            solutions.flatMap((other, j) => (i < j && one.text !== other.text ? [{ i, j }] : [])),
          );
          yield { problemId, pairs };
        }
      }),
      scoreGroups: bidiHandler(async function* (requests: Requests<'scoreGroups'>) {
        called('scoreGroups');
        for await (const { problemId, signal, solutions, verdicts } of requests) {
          const wins = solutions.map(() => 0);
          for (const { i, j, forward = 0.5, backward = 0.5 } of verdicts) {
            const winner = forward + backward >= 1 ? i : j;
            wins[winner] = (wins[winner] ?? 0) + 1;
          }
          const random = seededRandom('scores', signal?.seed ?? 0, problemId);
          const scores = solutions.map((solution, index) => ({
            index,
            score:
              score(signal?.method ?? 0, solution, wins[index] ?? 0, random) *
              (signal?.reversed === true ? -1 : 1),
            standardError: 0,
          }));
          yield { problemId, scores };
        }
      }),
      estimateReliability: clientStreamHandler(async (requests: Requests<'estimateReliability'>) => {
        called('estimateReliability');
        const pairs = new Map<string, number>();
        for await (const { panel } of requests)
          for (const { judge, verdicts } of panel)
            pairs.set(judge, (pairs.get(judge) ?? 0) + verdicts.length);
        return {
          judges: Array.from(pairs, ([judge, count]) => ({ judge, reliability: 0.5, pairs: count })),
        };
      }),
      assessFidelity: clientStreamHandler(async (requests: Requests<'assessFidelity'>) => {
        called('assessFidelity');
        let groups = 0;
        let auditedPairs = 0;
        let recommendation: Recommendation = Recommendation.RECOMMENDATION_USE;
        for await (const { audit, signal } of requests) {
          groups++;
          auditedPairs += audit.length;
          if (signal?.reversed === true) recommendation = Recommendation.RECOMMENDATION_DO_NOT_TRAIN;
          else if (signal?.method === ScoreMethod.SCORE_METHOD_WINS)
            recommendation = Recommendation.RECOMMENDATION_ATTENUATE;
        }
        const kappa = auditedPairs === 0 ? undefined : { value: 0.5, lower: 0.4, upper: 0.6 };
        const flipRate = { value: 0.2, lower: 0.1, upper: 0.3 };
        return {
          ...{ groups, auditedPairs, kappa, tau: kappa, orderConsistency: 0.8, lengthCorrelation: 0.1 },
          ...{ recommendation, flipRate, reason: 'the double says so.', reliability: [] },
          ...{ auditedGroups: 1, groupsNeeded: 0, flipRateIsLowerBound: false },
        };
      }),
    },
  };
}
