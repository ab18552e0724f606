// A judge that is wrong in a known way: the rubric's opinion, or another, with preferences turned round, a favour for the place
// or for the length. An instrument for tests: how a judge fails is given, so that what a signal card says of it can be checked.
import { createHash } from 'node:crypto';
import { JudgeServiceService, Outcome, type CompareRequest, type CompareResponse } from '@overtone/contracts';
import { rubricPreference } from '@overtone/judging';
import { bidiHandler, type ServedService, unaryHandler } from '@overtone/rpc';
import { seededRandom } from '@overtone/statistics';
import { type ChainSumStyle, classifyStyle } from '@overtone/tasks';

/** Changes whenever verdicts may change. */
const VERSION = 1;

/** What a judge goes by: the rubric; the rubric with one style above all others; fewer or more characters. */
export type Criterion = 'rubric' | ChainSumStyle | 'shorter' | 'longer';

/** How a judge fails. */
export interface Degradation {
  /** What it goes by. Default rubric. */
  readonly criterion?: Criterion;
  /** Share of the pairs that it decides by `criterion`; the others by the rubric. Default 1. */
  readonly share?: number;
  /** Probability that it prefers the wrong one of a pair, in whichever order it is shown. Default 0; 1 is the reverse. */
  readonly flips?: number;
  /** Probability that it prefers what is shown first, whatever it is. Default 0. */
  readonly first?: number;
  /** The probability that it gives to the solution that it prefers, in (0.5, 1]. Default 1. */
  readonly confidence?: number;
}

/** The probability in [0, 1] that a judge gives to the first of two solutions. The same arguments, the same answer. */
export function degradedPreference(
  seed: string,
  { criterion = 'rubric', share = 1, flips = 0, first = 0, confidence = 1 }: Degradation,
  comparison: Pick<CompareRequest, 'question' | 'first' | 'second'>,
): number {
  const { question } = comparison;
  // What is drawn for a pair does not depend on its order, so the first draws are made with the pair in one order.
  const swapped = comparison.second < comparison.first;
  const [one, other] = swapped
    ? [comparison.second, comparison.first]
    : [comparison.first, comparison.second];
  const pair = seededRandom('pair', seed, question, one, other);
  const opinion = pair() < share ? opinionOf(criterion) : rubricPreference;
  const wrong = pair() < flips;
  const own = wrong ? 1 - opinion(one, other) : opinion(one, other);
  const place = seededRandom('place', seed, question, comparison.first, comparison.second)();
  const preference = place < first ? 1 : swapped ? 1 - own : own;
  return 0.5 + (preference - 0.5) * (2 * confidence - 1);
}

type Opinion = (one: string, other: string) => number;

function opinionOf(criterion: Criterion): Opinion {
  switch (criterion) {
    case 'rubric':
      return rubricPreference;
    case 'shorter':
      return (one, other) => (one.length === other.length ? 0.5 : one.length < other.length ? 1 : 0);
    case 'longer':
      return (one, other) => (one.length === other.length ? 0.5 : one.length > other.length ? 1 : 0);
    default:
      return (one, other) => {
        const [left, right] = [one, other].map((text) => (classifyStyle(text) === criterion ? 1 : 0));
        return left === right ? rubricPreference(one, other) : left === 1 ? 1 : 0;
      };
  }
}

/** A judge as a service. Its name is its seed, with `draw` where another draw of its errors is wanted. */
export function degradedJudge(name: string, degradation: Degradation, draw = 0): ServedService {
  const seed = draw === 0 ? name : `${name} ${draw}`;
  const fingerprint = createHash('sha256')
    .update(JSON.stringify({ VERSION, name: seed, degradation }))
    .digest('hex');
  return {
    definition: JudgeServiceService,
    implementation: {
      describe: unaryHandler(() => ({ name, backend: 'degraded', fingerprint })),
      compare: bidiHandler(async function* (
        requests: AsyncIterable<CompareRequest>,
      ): AsyncGenerator<CompareResponse> {
        for await (const request of requests) {
          const preferenceFirst = degradedPreference(seed, degradation, request);
          yield {
            id: request.id,
            preferenceFirst,
            outcome: outcomeOf(preferenceFirst),
            rationale: '',
            usage: { promptTokens: 0, completionTokens: 0 },
          };
        }
      }),
    },
  };
}

function outcomeOf(preferenceFirst: number): Outcome {
  if (preferenceFirst === 0.5) return Outcome.OUTCOME_TIE;
  return preferenceFirst > 0.5 ? Outcome.OUTCOME_FIRST : Outcome.OUTCOME_SECOND;
}
