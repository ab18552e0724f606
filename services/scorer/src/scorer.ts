// The scorer's handlers: streams of groups in, answers in the same order out. A group is answered before the next is read,
// so that memory holds one group, whatever the length of the stream.
import type {
  AssessFidelityRequest,
  AssessFidelityResponse,
  EstimateReliabilityRequest,
  EstimateReliabilityResponse,
  PlanComparisonsRequest,
  PlanComparisonsResponse,
  ScoreGroupsRequest,
  ScoreGroupsResponse,
  ScorerServiceServer,
  SignalSpec,
} from '@overtone/contracts';
import { bidiHandler, clientStreamHandler, invalidArgument } from '@overtone/rpc';
import {
  FidelityAssessment,
  InvalidInput,
  PanelReliability,
  parseGroup,
  planComparisons,
  scoreGroup,
} from '@overtone/signals';

/** What the scorer answers; see the contract. Bad input ends a stream with INVALID_ARGUMENT: field, reason, request. */
export const scorer: ScorerServiceServer = {
  planComparisons: bidiHandler<PlanComparisonsRequest, PlanComparisonsResponse>(async function* (requests) {
    for await (const { request, check } of numbered(requests)) {
      const { problemId, solutions, plan } = request;
      yield check(() => ({
        problemId,
        pairs: planComparisons(parseGroup(problemId, solutions), plan, request),
      }));
    }
  }),

  scoreGroups: bidiHandler<ScoreGroupsRequest, ScoreGroupsResponse>(async function* (requests) {
    const sameSignal = unchanging();
    for await (const { request, check } of numbered(requests)) {
      yield check(() => {
        if (request.signal === undefined) throw new InvalidInput('signal', 'is missing; expected a method');
        sameSignal(request.signal);
        return { problemId: request.problemId, scores: scoreGroup(request, request.signal) };
      });
    }
  }),

  estimateReliability: clientStreamHandler<EstimateReliabilityRequest, EstimateReliabilityResponse>(
    async (requests) => {
      const panel = new PanelReliability();
      for await (const { request, check } of numbered(requests)) check(() => panel.add(request));
      return panel.result();
    },
  ),

  assessFidelity: clientStreamHandler<AssessFidelityRequest, AssessFidelityResponse>(async (requests) => {
    const assessment = new FidelityAssessment();
    const sameSignal = unchanging();
    for await (const { request, check } of numbered(requests)) {
      check(() => {
        sameSignal(request.signal);
        assessment.add(request);
      });
    }
    return assessment.result();
  }),
};

interface NumberedRequest<Request> {
  request: Request;
  /** Computes from the request; what is wrong with it becomes INVALID_ARGUMENT and says which request it was. */
  check: <Result>(compute: () => Result) => Result;
}

async function* numbered<Request extends { problemId: string }>(
  requests: AsyncIterable<Request>,
): AsyncGenerator<NumberedRequest<Request>> {
  let number = 0;
  for await (const request of requests) {
    const where = `request ${number++}, problem ${JSON.stringify(request.problemId)}`;
    yield {
      request,
      check: (compute) => {
        try {
          return compute();
        } catch (error) {
          if (error instanceof InvalidInput) throw invalidArgument(error.field, `${error.reason} (${where})`);
          throw error;
        }
      },
    };
  }
}

/** Checks that every request of a stream has the first one's signal. */
function unchanging(): (signal: SignalSpec | undefined) => void {
  let first: { signal: SignalSpec | undefined } | undefined;
  return (signal) => {
    first ??= { signal };
    const same =
      signal?.method === first.signal?.method &&
      signal?.reversed === first.signal?.reversed &&
      signal?.seed === first.signal?.seed &&
      signal?.residualiseLength === first.signal?.residualiseLength;
    if (!same)
      throw new InvalidInput(
        'signal',
        'differs from the first request; expected one signal for a whole stream',
      );
  };
}
