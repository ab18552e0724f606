// The five services without processes, sockets or serialisation: what answers a request is called as a function, with the request itself.
// Results are those of the services, since all of their code below the contract is the same.
import { openStore } from '@overtone/artifacts';
import type {
  EvaluatorServiceClient,
  GeneratorServiceClient,
  JudgeServiceClient,
  ScorerServiceClient,
  TrainerServiceClient,
} from '@overtone/contracts';
import type { Experiment, Services, SharedPlaces } from '@overtone/experiment';
import { generatorJudge, type JudgeBackend, loadTemplate, rubricJudge } from '@overtone/judging';
import type { CallOptions, RemoteMethods, Replicated } from '@overtone/rpc';
import {
  FidelityAssessment,
  PanelReliability,
  parseGroup,
  planComparisons,
  scoreGroup,
} from '@overtone/signals';
import { builtInVerifier } from '@overtone/tasks';
import { readHardware } from '@overtone/tensor/hardware';
import { evaluate } from '../../../services/evaluator/src/evaluate.ts';
import { adapterResolver } from '../../../services/generator/src/adapter.ts';
import { readConfiguration } from '../../../services/generator/src/configuration.ts';
import { openEngine } from '../../../services/generator/src/engine-backend.ts';
import { generate } from '../../../services/generator/src/generate.ts';
import { score } from '../../../services/generator/src/score.ts';
import { Jobs } from '../../../services/trainer/src/jobs.ts';

type Generator = typeof GeneratorServiceClient.service;
type Judge = typeof JudgeServiceClient.service;
type Scorer = typeof ScorerServiceClient.service;
type Trainer = typeof TrainerServiceClient.service;
type Evaluator = typeof EvaluatorServiceClient.service;

/** Hosts the services of an experiment: the embedded engine, judges of one's own, the built-in verifier. */
export async function servicesInProcess(
  { model, judges }: Pick<Experiment, 'model' | 'judges'>,
  { artifacts, trainerState }: SharedPlaces,
): Promise<Services & { end(): Promise<void> }> {
  const store = openStore(artifacts);
  const { engine } = readConfiguration({ OVERTONE_MODEL: model, OVERTONE_ARTIFACTS: artifacts });
  if (engine === undefined) throw new Error(`${model}: there is nothing to host`);
  const [backend, jobs] = await Promise.all([
    openEngine(engine),
    Jobs.open({
      store,
      state: trainerState,
      threads: 1,
      hardware: readHardware({}),
      checkpoints: { seconds: 5, steps: 0, keep: 2 },
    }),
  ]);
  const resolve = adapterResolver(store);
  const generator = here<Generator>({
    describeModel: async () => backend.describe(),
    generate: (request, options) => generate(backend, resolve, request, signalOf(options)),
    score: (requests, options) => score(backend, resolve, each(requests), signalOf(options)),
  });
  const judging = Object.entries(judges).map(([name, judge]) => {
    if (judge.backend === 'rubric') return [name, judgeOf(rubricJudge({ name }))] as const;
    if (judge.backend !== 'generator')
      throw new Error(`judges.${name}: a judge "${judge.backend}" is not hosted here`);
    const template = loadTemplate(judge.template ?? 'verdict-only');
    return [name, judgeOf(generatorJudge({ model: generator, template, name }))] as const;
  });
  return {
    generator,
    scorer: here(scorer),
    trainer: here(trainerOf(jobs)),
    evaluator: here<Evaluator>({
      evaluate: (request, options) => evaluate(generator, builtInVerifier, request, signalOf(options)),
    }),
    judges: new Map(judging),
    close: () => {},
    end: async () => {
      await jobs.close();
      await backend.close();
    },
  };
}

/** A service that is where its caller is. */
function here<Service>(methods: RemoteMethods<Service>): Replicated<Service> {
  const service: Replicated<Service> = {
    ...methods,
    address: 'in process',
    close: () => {},
    replicas: async () => [service],
  };
  return service;
}

function judgeOf(backend: JudgeBackend): Replicated<Judge> {
  return here<Judge>({
    describe: async (_, options) => backend.describe(signalOf(options)),
    async *compare(requests, options) {
      yield* backend.compare(each(requests), signalOf(options));
    },
  });
}

const scorer: RemoteMethods<Scorer> = {
  async *planComparisons(requests) {
    for await (const request of requests) {
      const { problemId, solutions, plan } = request;
      yield { problemId, pairs: planComparisons(parseGroup(problemId, solutions), plan, request) };
    }
  },
  async *scoreGroups(requests) {
    for await (const request of requests) {
      const { problemId, signal } = request;
      if (signal === undefined) throw new Error(`"${problemId}" has no signal`);
      yield { problemId, scores: scoreGroup(request, signal) };
    }
  },
  async estimateReliability(requests) {
    const panel = new PanelReliability();
    for await (const request of requests) panel.add(request);
    return panel.result();
  },
  async assessFidelity(requests) {
    const assessment = new FidelityAssessment();
    for await (const request of requests) assessment.add(request);
    return assessment.result();
  },
};

function trainerOf(jobs: Jobs): RemoteMethods<Trainer> {
  return {
    createJob: async (request) => ({ job: await jobs.create(request) }),
    getJob: async ({ jobId }) => ({ job: jobs.get(jobId) }),
    cancelJob: async ({ jobId }) => ({ job: await jobs.cancel(jobId) }),
    watchJob: ({ jobId, afterStep }, options) => jobs.watch(jobId, afterStep, signalOf(options)),
  };
}

function signalOf({ signal }: CallOptions = {}): AbortSignal {
  return signal ?? new AbortController().signal;
}

async function* each<Item>(items: AsyncIterable<Item> | Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}
