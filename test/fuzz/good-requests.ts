// Good requests to every method of every service: what malformed ones are made from, and what must be answered in the end as before.
import type { ArtifactStore } from '@overtone/artifacts';
import {
  CompareRequest,
  type ComparisonPlan,
  CreateJobRequest,
  CreateJobResponse,
  AssessFidelityRequest,
  EstimateReliabilityRequest,
  EvaluateRequest,
  GenerateRequest,
  GetJobRequest,
  JobState,
  PlanComparisonsRequest,
  Schedule,
  ScoreGroupsRequest,
  type ScoreMethod,
  ScoreRequest,
  SftSelection,
  type TrainingSpec,
} from '@overtone/contracts';
import { messageNamed, readTree, type Tree } from './message-tree.ts';

/** A method with good requests to it. */
export interface Method {
  /** For example "/overtone.v1.JudgeService/Compare". */
  readonly path: string;
  /** At least one. */
  readonly requests: readonly Uint8Array[];
  /** The same as trees; none for methods of other contracts. */
  readonly trees: readonly Tree[];
}

/** What is attacked in a service. */
export interface Target {
  readonly methods: readonly Method[];
  /** A request that must always be answered with OK and the same bytes, once the first answer is final. */
  readonly good: {
    readonly path: string;
    readonly request: Uint8Array;
    readonly isFinal: (answer: Uint8Array) => boolean;
  };
}

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
}

function method<T>(path: string, name: string, codec: Codec<T>, requests: readonly T[]): Method {
  const encoded = requests.map((request) => codec.encode(request).finish());
  return {
    path: `/overtone.v1.${path}`,
    requests: encoded,
    trees: encoded.map((bytes) => readTree(bytes, messageNamed(name))),
  };
}

/** A method whose request has no field. */
function bare(path: string, name: string): Method {
  return {
    path: `/overtone.v1.${path}`,
    requests: [new Uint8Array()],
    trees: [{ message: messageNamed(name), entries: [] }],
  };
}

/** Health and reflection, which every service has; requests: an empty one, and a name in field 1 or 7. */
const COMMON: readonly Method[] = [
  '/grpc.health.v1.Health/Check',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
].map((path) => ({
  path,
  requests: [new Uint8Array(), Buffer.from('\x0a\x08overtone'), Buffer.from('\x3a\x01*')],
  trees: [],
}));

function targetOf(methods: readonly Method[], good = 0): Target {
  const [first] = methods[good]?.requests ?? [];
  if (first === undefined) throw new RangeError(`there is no method ${good}`);
  return {
    methods: [...methods, ...COMMON],
    good: { path: methods[good]?.path ?? '', request: first, isFinal: () => true },
  };
}

const QUESTION = '12 + 5 - 3';
const SOLUTIONS = ['12 + 5 = 17\n17 - 3 = 14\n\\boxed{14}', 'So\n\\boxed{14}', '17, 14\n\\boxed{14}'];

/** Targets by the name of the service. */
export async function goodRequests(store: ArtifactStore, model: string) {
  const messages = [{ role: 'user', content: QUESTION }];
  const sampling = { samples: 1, temperature: 0, topP: 1, maxNewTokens: 2, seed: 7, stop: ['x'] };
  const adapter = { sha256: '0'.repeat(64), mediaType: 'application/vnd.overtone.adapter' };
  const generate = { adapter: undefined, prompts: [{ id: 'a', messages }], sampling };
  const score = { id: 'a', adapter: undefined, messages };
  const generator = targetOf([
    method('GeneratorService/Generate', 'GenerateRequest', GenerateRequest, [
      generate,
      // What passes by accident costs little where there is no such adapter.
      ...Array.from({ length: 3 }, () => ({ ...generate, adapter })),
    ]),
    method('GeneratorService/Score', 'ScoreRequest', ScoreRequest, [
      { ...score, target: { $case: 'continuations', value: { texts: ['1', '2'] } } },
      { ...score, target: { $case: 'completion', value: { text: '14', tokenEnds: true } } },
      ...Array.from({ length: 4 }, () => ({
        ...score,
        adapter,
        target: { $case: 'completion' as const, value: { text: '14' } },
      })),
    ]),
    bare('GeneratorService/DescribeModel', 'DescribeModelRequest'),
  ]);
  const evaluate = {
    adapter: undefined,
    problems: [{ id: 'a', question: QUESTION, answer: '14', difficulty: 'terms=3' }],
    sampling,
    promptTemplate: '{question}',
    bootstrapSeed: 1,
    verifierSha256: '',
    turns: [],
  };
  const [first = '', second = ''] = SOLUTIONS;
  const judge = targetOf([
    method('JudgeService/Compare', 'CompareRequest', CompareRequest, [
      { id: 'a', question: QUESTION, first, second },
    ]),
    bare('JudgeService/Describe', 'DescribeRequest'),
  ]);
  return {
    generator,
    judge,
    'judge-generator': judge,
    scorer: scorerTarget(),
    trainer: await trainerTarget(store, model),
    evaluator: targetOf([
      method('EvaluatorService/Evaluate', 'EvaluateRequest', EvaluateRequest, [
        evaluate,
        ...Array.from({ length: 3 }, () => ({ ...evaluate, adapter })),
      ]),
    ]),
  };
}

function scorerTarget(): Target {
  const solutions = SOLUTIONS.map((text, index) => ({
    index,
    text,
    meanEntropy: 0.1 + index / 10,
    meanLogprob: -0.1 - index / 10,
    tokens: 10 + index,
    topEntropy: 0.5,
  }));
  const verdicts = [
    { i: 0, j: 1, forward: 0.9, backward: 0.8 },
    { i: 0, j: 2, forward: 0.7, backward: undefined },
    { i: 1, j: 2, forward: 0.4, backward: 0.5 },
  ];
  const panel = ['x', 'y'].map((judge) => ({ judge, reliability: 1, verdicts }));
  const scores = solutions.map(({ index }) => ({ index, score: index, standardError: 0.1 }));
  const group = { problemId: 'a', solutions };
  const plans = [1, 2, 3, 4] satisfies ComparisonPlan[];
  const methods = [1, 2, 3, 4, 5, 6, 7, 8, 9] satisfies ScoreMethod[];
  return targetOf([
    method(
      'ScorerService/ScoreGroups',
      'ScoreGroupsRequest',
      ScoreGroupsRequest,
      methods.map((name) => ({
        ...group,
        signal: { method: name, reversed: true, seed: 3, residualiseLength: name % 2 === 0 },
        verdicts,
        panel,
        components: [{ weight: 1, scores }],
      })),
    ),
    method(
      'ScorerService/PlanComparisons',
      'PlanComparisonsRequest',
      PlanComparisonsRequest,
      plans.map((plan) => ({ ...group, plan, verdicts: verdicts.slice(1), maxPairs: 0, seed: 1 })),
    ),
    method('ScorerService/EstimateReliability', 'EstimateReliabilityRequest', EstimateReliabilityRequest, [
      { ...group, panel },
    ]),
    method('ScorerService/AssessFidelity', 'AssessFidelityRequest', AssessFidelityRequest, [
      { ...group, scores, verdicts, audit: verdicts, signal: undefined },
    ]),
  ]);
}

async function trainerTarget(store: ArtifactStore, model: string): Promise<Target> {
  const dataset = await store.writeJsonl([
    {
      id: 'g',
      messages: [{ role: 'user', content: '1 + 2' }],
      solutions: [{ text: '\\boxed{3}', score: 1 }],
    },
  ]);
  const optimizer = {
    learningRate: 1e-3,
    warmupRatio: 0,
    schedule: Schedule.SCHEDULE_COSINE,
    weightDecay: 0,
    maxGradNorm: 1,
    beta1: 0.9,
    beta2: 0.999,
  };
  const spec: TrainingSpec = {
    model,
    dataset,
    objective: { $case: 'sft', value: { selection: SftSelection.SFT_SELECTION_BEST } },
    lora: { r: 4, alpha: 8, targetModules: ['q_proj'] },
    optimizer,
    steps: 1,
    groupsPerStep: 1,
    tokensPerStep: 0,
    seed: 1,
    snapshotEverySteps: 0,
    maxLength: 64,
  };
  // Malformed jobs name a data set that is not there: what passes all other checks by accident must not train.
  const absent = { ...spec, dataset: { sha256: '1'.repeat(64), mediaType: 'application/jsonl' } };
  const objectives: TrainingSpec['objective'][] = [
    spec.objective,
    { $case: 'dpo', value: { beta: 0.1, lossType: 1, labelSmoothing: 0.1, scoreMargin: 1 } },
    { $case: 'rrhf', value: { rankWeight: 1, bradleyTerryWeights: true, labelSmoothing: 0 } },
    {
      $case: 'grpo',
      value: { lossType: 1, epsilon: 0.2, epsilonHigh: 0.2, beta: 0, maxCompletionLength: 9 },
    },
    { $case: 'kto', value: { beta: 0.1, desirableWeight: 1, undesirableWeight: 1 } },
  ];
  const methods = [
    method('TrainerService/CreateJob', 'CreateJobRequest', CreateJobRequest, [
      ...objectives.map((objective) => ({ jobId: 'absent', spec: { ...absent, objective } })),
    ]),
    method('TrainerService/GetJob', 'GetJobRequest', GetJobRequest, [{ jobId: 'known' }]),
    method('TrainerService/CancelJob', 'CancelJobRequest', GetJobRequest, [{ jobId: 'absent' }]),
    method('TrainerService/WatchJob', 'WatchJobRequest', GetJobRequest, [{ jobId: 'known' }]),
  ];
  const request = CreateJobRequest.encode({ jobId: 'known', spec }).finish();
  const isFinal = (answer: Uint8Array): boolean =>
    CreateJobResponse.decode(answer).job?.state === JobState.JOB_STATE_SUCCEEDED;
  const path = '/overtone.v1.TrainerService/CreateJob';
  return { methods: [...methods, ...COMMON], good: { path, request, isFinal } };
}
