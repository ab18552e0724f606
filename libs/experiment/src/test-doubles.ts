// Test doubles of the five services, for this room's tests alone: they keep the contracts, but their "model" is a formula.
// A solution is long (careful) or short (hasty); training on long ones makes the model right more often on hard questions.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ArtifactStore, openStore } from '@overtone/artifacts';
import {
  type ArtifactRef,
  EntropyKind,
  EvaluatorServiceService,
  FinishReason,
  type GenerateRequest,
  type GenerateResponse,
  GeneratorServiceService,
  type Job,
  JobState,
  JudgeServiceService,
  Outcome,
  type ScoreRequest,
  SftSelection,
  TrainerServiceService,
  type CreateJobRequest,
  type TrainingSpec,
} from '@overtone/contracts';
import { bidiHandler, serve, serverStreamHandler, unaryHandler, unavailable } from '@overtone/rpc';
import { seededRandom } from '@overtone/statistics';
import { parseChain, runningTotals, verify } from '@overtone/tasks';
import { z } from 'zod';
import { scorerDouble } from './scorer-double.ts';

/** The running doubles. */
export interface Doubles {
  /** The `services` section of an experiment that uses them. */
  readonly addresses: { generator: string; scorer: string; trainer: string; evaluator: string };
  /** Address of a judge that prefers long solutions, but not without slips. */
  readonly judge: string;
  /** Address of a judge that always prefers long solutions. */
  readonly rubric: string;
  /** URI of the store that they share. */
  readonly artifacts: string;
  /** How often each RPC was called. */
  readonly calls: Map<string, number>;
  /** What was asked of the trainer, by job. */
  readonly jobs: ReadonlyMap<string, { readonly spec: TrainingSpec }>;
  /** The calls of the generator itself, not those of the evaluator: with which adapter, from which seed, about how many questions. */
  readonly sampled: readonly {
    readonly adapter: string | undefined;
    readonly seed: number;
    readonly questions: number;
  }[];
  close(): Promise<void>;
}

/** How the doubles behave. */
export interface DoubleOptions {
  /** The first job that is watched to its end fails. Default false. */
  readonly failFirstJob?: boolean;
  /** What the generator says of its entropies. Default exact. */
  readonly entropyKind?: EntropyKind;
  /** The generator's accuracy on questions of up to four terms; 1 by default for a third of them, 0.8 for the others. */
  readonly easyAccuracy?: (question: string, skill: number) => number;
  /** RPCs, by name, whose call of this number (from 1) breaks off in the middle as if the server had died. */
  readonly breakOff?: Readonly<Record<string, number>>;
}

const adapterSchema = z.object({ skill: z.number() });
const datasetRow = z.object({
  id: z.string(),
  messages: z.array(z.object({ role: z.string(), content: z.string() })),
  solutions: z.array(z.object({ text: z.string(), score: z.number() })),
});

/** Starts all doubles on loopback ports. */
export async function startDoubles(options: DoubleOptions = {}): Promise<Doubles> {
  const artifacts = `file://${mkdtempSync(join(tmpdir(), 'overtone-doubles-'))}`;
  const store = openStore(artifacts);
  const calls = new Map<string, number>();
  /** Counts a call; true when it is to break off. */
  const called = (rpc: string): boolean => {
    const times = (calls.get(rpc) ?? 0) + 1;
    calls.set(rpc, times);
    return options.breakOff?.[rpc] === times;
  };
  const generate = generatorOf(store, options);
  const jobs = new Map<string, TrainingJob>();
  const sampled: Doubles['sampled'][number][] = [];
  const servers = await Promise.all([
    serve({
      name: 'generator',
      services: [
        {
          definition: GeneratorServiceService,
          implementation: {
            describeModel: unaryHandler(() => ({
              model: 'double',
              sha256: 'd'.repeat(64),
              architecture: 'Double',
              parameters: 7,
              vocabularySize: 10,
              contextLength: 100,
              backend: 'double',
              entropyKind: options.entropyKind ?? EntropyKind.ENTROPY_KIND_EXACT,
            })),
            generate: serverStreamHandler(async function* (request: GenerateRequest) {
              const breaks = called('generate');
              const { adapter, prompts, sampling } = request;
              sampled.push({
                adapter: adapter?.sha256,
                seed: sampling?.seed ?? 0,
                questions: prompts.length,
              });
              let sent = 0;
              for await (const response of generate(request)) {
                if (breaks && sent++ === 3) throw unavailable('the double breaks off');
                yield response;
              }
            }),
            score: bidiHandler(async function* (requests: AsyncIterable<ScoreRequest>) {
              for await (const { id, target } of requests) {
                const words = target?.$case === 'completion' ? target.value.text.split(' ') : [];
                const tokenEnds = words.map((_, index) => words.slice(0, index + 1).join(' ').length);
                const tokenEntropies = words.map(() => 0.5);
                yield {
                  id,
                  tokenLogprobs: words.map(() => -0.5),
                  tokenEntropies,
                  tokenEnds,
                  continuationLogprobs: [],
                  usage: undefined,
                };
              }
            }),
          },
        },
      ],
    }),
    serve({ name: 'scorer', services: [scorerDouble(called)] }),
    serve({ name: 'trainer', services: [trainerDouble(store, called, jobs, options.failFirstJob ?? false)] }),
    serve({ name: 'evaluator', services: [evaluatorDouble(generate, called)] }),
    serve({ name: 'judge', services: [judgeDouble('judge', 0.25, called)] }),
    serve({ name: 'rubric', services: [judgeDouble('rubric', 0, called)] }),
  ]);
  const [generator, scorer, trainer, evaluator, judge, rubric] = servers.map(({ address }) => address);
  if (!generator || !scorer || !trainer || !evaluator || !judge || !rubric)
    throw new Error('a double has no address');
  return {
    addresses: { generator, scorer, trainer, evaluator },
    judge,
    rubric,
    artifacts,
    calls,
    jobs,
    sampled,
    close: async () => void (await Promise.all(servers.map((server) => server.close()))),
  };
}

type Generate = (request: GenerateRequest) => AsyncGenerator<GenerateResponse>;

function generatorOf(store: ArtifactStore, { easyAccuracy = defaultAccuracy }: DoubleOptions): Generate {
  return async function* ({ prompts, adapter, sampling }) {
    const skill = adapter === undefined ? 0 : await skillOf(store, adapter);
    if (sampling === undefined) throw new Error('no sampling parameters');
    // Backwards: completion order is nobody's promise.
    for (const { id, messages } of prompts.toReversed()) {
      const question = messages[0]?.content ?? '';
      const chain = parseChain(question) ?? [];
      const answer = runningTotals(chain).at(-1) ?? 0;
      for (let index = 0; index < sampling.samples; index++) {
        const random = seededRandom('double', sampling.seed, id, index);
        const long = random() < 0.5;
        const accuracy = chain.length <= 4 ? easyAccuracy(question, skill) : 0.4 + skill;
        const text = `${long ? 'slowly and with care: ' : 'fast: '}\\boxed{${random() < accuracy ? answer : answer + 1}}`;
        const tokens = text.split(' ').length;
        yield {
          promptId: id,
          sampleIndex: index,
          text,
          tokenIds: Array.from({ length: tokens }, () => 1),
          tokenLogprobs: Array.from({ length: tokens }, () => -0.5),
          tokenEntropies: Array.from({ length: tokens }, () => (long ? 0.25 : 0.5) + random() / 8),
          finishReason: FinishReason.FINISH_REASON_STOP,
          promptTokens: 3,
          entropyKind: EntropyKind.ENTROPY_KIND_EXACT,
          tokenEntropyErrors: [],
          completionTokens: tokens,
        };
      }
    }
  };
}

function defaultAccuracy(question: string): number {
  return question.length % 3 === 0 ? 1 : 0.8;
}

async function skillOf(store: ArtifactStore, adapter: ArtifactRef): Promise<number> {
  const bytes = await store.get(adapter);
  return adapterSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))).skill;
}

function evaluatorDouble(generate: Generate, called: (rpc: string) => boolean) {
  return {
    definition: EvaluatorServiceService,
    implementation: {
      evaluate: serverStreamHandler(async function* (
        request: Parameters<typeof EvaluatorServiceService.evaluate.requestSerialize>[0],
      ) {
        const breaks = called('evaluate');
        const { adapter, problems, sampling } = request;
        const byId = new Map(problems.map((problem) => [problem.id, problem]));
        const prompts = problems.map(({ id, question }) => ({
          id,
          messages: [{ role: 'user', content: question }],
        }));
        let sent = 0;
        for await (const { promptId, sampleIndex, text, tokenIds, finishReason } of generate({
          adapter,
          prompts,
          sampling,
        })) {
          const problem = byId.get(promptId);
          if (problem === undefined) throw new Error(`no problem ${promptId}`);
          if (breaks && sent++ === 2) throw unavailable('the double breaks off');
          const value = {
            problemId: promptId,
            sampleIndex,
            text,
            ...verify(problem, text),
            tokens: tokenIds.length,
            finishReason,
          };
          yield { event: { $case: 'sample' as const, value } };
        }
        yield { event: { $case: 'summary' as const, value: { metrics: [] } } };
      }),
    },
  };
}

function judgeDouble(name: string, slips: number, called: (rpc: string) => boolean) {
  return {
    definition: JudgeServiceService,
    implementation: {
      describe: unaryHandler(() => ({ name, backend: 'double', fingerprint: `double ${slips}` })),
      compare: bidiHandler(async function* (
        requests: AsyncIterable<{ id: string; question: string; first: string; second: string }>,
      ) {
        const breaks = called(name);
        const seen = new Set<string>();
        let sent = 0;
        for await (const { id, question, first, second } of requests) {
          if (breaks && sent++ === 2) throw unavailable('the double breaks off');
          const place = JSON.stringify([question, first, second]);
          if (seen.has(place)) throw new Error(`asked twice: ${place}`);
          seen.add(place);
          const slip = seededRandom(name, question, first, second)() < slips;
          const preferenceFirst = first.length > second.length !== slip ? 0.9 : 0.1;
          const outcome = preferenceFirst > 0.5 ? Outcome.OUTCOME_FIRST : Outcome.OUTCOME_SECOND;
          yield { id, preferenceFirst, outcome, rationale: '', usage: undefined };
        }
      }),
    },
  };
}

interface TrainingJob {
  readonly spec: TrainingSpec;
  readonly job: Job;
}

function trainerDouble(
  store: ArtifactStore,
  called: (rpc: string) => boolean,
  jobs: Map<string, TrainingJob>,
  failFirstJob: boolean,
) {
  let failing = failFirstJob;
  const find = (jobId: string) => {
    const found = jobs.get(jobId);
    if (found === undefined) throw new Error(`no job ${jobId}`);
    return found;
  };
  const learn = async (jobId: string, spec: TrainingSpec): Promise<Job> => {
    if (spec.dataset === undefined) throw new Error('no dataset');
    const steps =
      spec.snapshotEverySteps === 0
        ? []
        : range(spec.snapshotEverySteps, spec.steps, spec.snapshotEverySteps);
    const snapshots = [];
    const known = spec.initialAdapter === undefined ? 0 : await skillOf(store, spec.initialAdapter);
    let gain = 0;
    let groups = 0;
    for await (const { solutions } of store.readJsonl(spec.dataset, (row) => datasetRow.parse(row))) {
      const best = solutions.reduce((left, right) => (right.score > left.score ? right : left));
      const random =
        spec.objective?.$case === 'sft' &&
        spec.objective.value.selection === SftSelection.SFT_SELECTION_RANDOM;
      gain += random ? 0 : best.text.startsWith('slowly') ? 0.4 : -0.3;
      groups++;
    }
    for (const step of [...steps.filter((candidate) => candidate < spec.steps), spec.steps]) {
      // Learns for half of the steps, then spoils a little of what it learnt.
      const progress = Math.min(1, (2 * step) / spec.steps) - Math.max(0, step / spec.steps - 0.5) / 4;
      const skill = known + (gain / groups) * progress + (spec.seed % 100) / 1000;
      const bytes = Buffer.from(JSON.stringify({ skill }));
      snapshots.push({ step, weights: await store.put(bytes, 'application/vnd.overtone.adapter') });
    }
    return {
      id: jobId,
      state: JobState.JOB_STATE_SUCCEEDED,
      step: spec.steps,
      steps: spec.steps,
      snapshots,
      error: '',
      alarms: [],
    };
  };
  return {
    definition: TrainerServiceService,
    implementation: {
      createJob: unaryHandler(async ({ jobId, spec, resume }: CreateJobRequest) => {
        called('createJob');
        if (spec === undefined) throw new Error('no specification');
        const known = jobs.get(jobId)?.job;
        const again = resume === true && known?.state === JobState.JOB_STATE_FAILED;
        const job = (again ? undefined : known) ?? {
          id: jobId,
          state: JobState.JOB_STATE_RUNNING,
          step: 0,
          steps: spec.steps,
          snapshots: [],
          error: '',
          alarms: [],
        };
        jobs.set(jobId, { spec, job });
        return { job };
      }),
      getJob: unaryHandler(({ jobId }: { jobId: string }) => ({ job: find(jobId).job })),
      cancelJob: unaryHandler(({ jobId }: { jobId: string }) => ({ job: find(jobId).job })),
      watchJob: serverStreamHandler(async function* ({
        jobId,
        afterStep,
      }: {
        jobId: string;
        afterStep: number;
      }) {
        const breaks = called('watchJob');
        const { spec } = find(jobId);
        for (const step of range(afterStep + 1, spec.steps, 1)) {
          if (breaks && step > spec.steps / 2) throw unavailable('the double breaks off');
          yield { event: { $case: 'step' as const, value: { step, values: { loss: 1 / step } } } };
        }
        const learnt = await learn(jobId, spec);
        const job = failing
          ? { ...learnt, state: JobState.JOB_STATE_FAILED, error: 'out of memory' }
          : learnt;
        failing = false;
        jobs.set(jobId, { spec, job });
        yield { event: { $case: 'job' as const, value: job } };
      }),
    },
  };
}

function range(first: number, last: number, step: number): number[] {
  return Array.from(
    { length: Math.max(0, Math.floor((last - first) / step) + 1) },
    (_, index) => first + index * step,
  );
}
