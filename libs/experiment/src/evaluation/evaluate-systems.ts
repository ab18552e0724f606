// An evaluation on its own: models with and without adapters on any questions, through a generator, without training anything. What is
// sampled is kept under the hash of all that determined it, a few questions at a time, and found again, also by a run of an experiment.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ArtifactRef, type ArtifactStore, openStore } from '@overtone/artifacts';
import { EvaluatorServiceClient } from '@overtone/contracts';
import { type Measurements, measureSystems, METHOD, type Statistics } from '@overtone/report';
import { connect, connectGenerator, RpcError } from '@overtone/rpc';
import { withSpan } from '@overtone/telemetry';
import { engineEnvironment, type Engine } from '../config/engine.ts';
import { generatorEnvironment, type Generator } from '../config/generator.ts';
import type { Decoding } from '../config/schema.ts';
import { InputError, oneLine } from '../input-error.ts';
import { Progress, type ProgressListener } from '../progress.ts';
import { outlastRestarts } from '../services.ts';
import {
  type EvaluateOptions,
  type EvaluationContext,
  evaluateSamples,
  knownQuestions,
} from '../stages/evaluate.ts';
import { type EvaluatedRow, outcomesOf } from '../stages/outcomes.ts';
import { Supervisor } from '../supervisor.ts';
import { type EarlierResult, type LineSource, resultLines, type ResultLine } from './result-file.ts';
import type { EvaluationTask, QuestionSet } from './task.ts';

/** Where a model is sampled from. */
export interface Host {
  /** For people. */
  readonly label: string;
  /** The model as a generator that is started here opens it: a path, or a name on the hub with its commit. */
  readonly model: string;
  /** Its SHA-256, where it is known before a generator is asked. */
  readonly sha256: string | undefined;
  /** host:port of a running generator; undefined starts one here. */
  readonly address: string | undefined;
  /** What a generator that is started here samples with. */
  readonly generator: Generator;
  readonly engine: Engine | undefined;
}

/** A model with or without an adapter, or what an earlier evaluation found of one. */
export type EvaluatedSystem = { readonly name: string } & (
  { readonly host: Host; readonly adapter: ArtifactRef | undefined } | { readonly earlier: EarlierResult }
);

/** What to evaluate, and how. */
export interface EvaluationRequest {
  readonly task: EvaluationTask;
  /** All systems; those of one host are sampled by one generator. */
  readonly systems: readonly EvaluatedSystem[];
  /** Names of those that the others are compared with. */
  readonly references: readonly string[];
  readonly decoding: Decoding;
  readonly seed: number;
  /** The ks of pass@k and maj@k; undefined: powers of two and the number of samples. */
  readonly ks: readonly number[] | undefined;
  /** URI of the artifact store. */
  readonly artifacts: string;
}

/** What an evaluation found. */
export interface EvaluationResult {
  readonly task: string;
  /** URI of the artifact store. */
  readonly artifacts: string;
  readonly sampling: Decoding;
  readonly statistics: Statistics;
  /** Solutions that were sampled now, and that were there already. */
  readonly solutions: { readonly sampled: number; readonly known: number };
  readonly sets: readonly MeasuredSet[];
}

/** What was found of one set of questions. */
export interface MeasuredSet {
  readonly name: string;
  readonly questions: number;
  readonly systems: readonly (Measurements & {
    readonly name: string;
    /** SHA-256. */
    readonly model: string;
    /** SHA-256 of the adapter's artifact; null for a model alone. */
    readonly adapter: string | null;
  })[];
}

/** Questions that are kept together: what a killed evaluation may lose. */
const CHUNK = 16;

/** What evaluations are made of before anything is sampled: for each system that is not from a file, its model's hash must be known. */
function stageOptions(
  { task, decoding, seed }: Pick<EvaluationRequest, 'task' | 'decoding' | 'seed'>,
  set: QuestionSet,
  system: { readonly name: string; readonly adapter: ArtifactRef | undefined; readonly model: string },
): EvaluateOptions {
  return {
    label: set.name === '' ? system.name : `${system.name}, ${set.name}`,
    model: system.model,
    adapter: system.adapter,
    problems: set.problems,
    prompt: task.prompt,
    decoding,
    bootstrapSeed: seed,
    verifier: task.verifier,
    style: task.style,
    chunk: CHUNK,
  };
}

/** How many of a system's solutions are in the store. */
export async function knownSolutions(
  store: ArtifactStore,
  request: Pick<EvaluationRequest, 'task' | 'decoding' | 'seed'>,
  system: Parameters<typeof stageOptions>[2],
): Promise<number> {
  let known = 0;
  for (const set of request.task.sets)
    known += await knownQuestions(store, stageOptions(request, set, system));
  return known * request.decoding.samples;
}

/**
 * Evaluates. The same call continues what was interrupted, and samples nothing that is in the store.
 *
 * @param workshop folder for logs and traces; created where missing.
 * @throws InputError when a service refuses what it was given, for instance an adapter of another model.
 */
export async function evaluateSystems(
  request: EvaluationRequest,
  {
    workshop,
    listen,
    signal: interrupt,
  }: { readonly workshop: string; readonly listen?: ProgressListener; readonly signal: AbortSignal },
): Promise<{ result: EvaluationResult; lines: ResultLine[] }> {
  const { task, systems, references, decoding, seed, ks } = request;
  const store = openStore(request.artifacts);
  const progress = new Progress(listen);
  const stage = progress.stage('evaluate', 'solutions');
  const questions = task.sets.reduce((sum, { problems }) => sum + problems.length, 0);
  const sampling = systems.flatMap((system) => ('host' in system ? [system] : []));
  stage.expect(sampling.length * questions * decoding.samples);
  let known = 0;
  const sampled = new Map<string, Sampled>();
  await withSpan('overtone.eval', { 'overtone.task': task.name }, async () => {
    for (const [host, own] of Map.groupBy(sampling, (system) => system.host)) {
      const asked = { ...request, host, own, store, workshop, progress, interrupt };
      for (const [name, found] of await sampleFrom(asked)) {
        sampled.set(name, found);
        known += found.known;
      }
    }
  });
  const of = ({ name, ...system }: EvaluatedSystem): Sampled => {
    const found = 'earlier' in system ? { ...system.earlier, known: 0 } : sampled.get(name);
    if (found === undefined) throw new Error(`"${name}" was not sampled`);
    return found;
  };
  const lines: ResultLine[] = [];
  const sets = task.sets.map((set): MeasuredSet => {
    const outcomes = systems.map((system) => {
      const { rows, model, adapter } = of(system);
      const own = rows.get(set.name) ?? [];
      if ('host' in system) {
        const source: LineSource = { set: set.name, system: system.name, model, adapter, sampling: decoding };
        lines.push(...resultLines(own, set.problems, source, task));
      }
      return { name: system.name, runs: [outcomesOf(own, set.problems, task)] };
    });
    const compared = systems.map(({ name }) => name).filter((name) => !references.includes(name));
    const measured = measureSystems(outcomes, {
      seed,
      references,
      compared,
      family: 'together',
      ...(ks === undefined ? {} : { ks }),
    });
    return {
      name: set.name,
      questions: set.problems.length,
      systems: measured.map((measurements, index) => {
        const system = systems[index];
        if (system === undefined) throw new Error('more measurements than systems');
        const { model, adapter } = of(system);
        return { name: system.name, model, adapter, ...measurements };
      }),
    };
  });
  const { resamples, level, permutations, partPermutations, alpha, power } = METHOD;
  const result: EvaluationResult = {
    task: task.name,
    artifacts: request.artifacts,
    sampling: decoding,
    statistics: {
      seed,
      resamples,
      level,
      permutations,
      partPermutations,
      correction: 'holm',
      alpha,
      power,
      references: [...references],
    },
    solutions: { sampled: sampling.length * questions * decoding.samples - known, known },
    sets,
  };
  return { result, lines };
}

/** The samples of one system. */
interface Sampled {
  readonly model: string;
  readonly adapter: string | null;
  /** By the set's name. */
  readonly rows: ReadonlyMap<string, readonly EvaluatedRow[]>;
  /** Solutions that were there already. */
  readonly known: number;
}

interface Asked extends EvaluationRequest {
  readonly host: Host;
  readonly own: readonly { readonly name: string; readonly adapter: ArtifactRef | undefined }[];
  readonly store: ArtifactStore;
  readonly workshop: string;
  readonly progress: Progress;
  readonly interrupt: AbortSignal;
}

/** Samples the systems of one host; starts no service where everything is in the store. */
async function sampleFrom(asked: Asked): Promise<Map<string, Sampled>> {
  const { host, own, task, store, progress, interrupt } = asked;
  const failure = new AbortController();
  const signal = AbortSignal.any([interrupt, failure.signal]);
  const base = { store, progress, signal, record: () => {} };
  const idle: EvaluationContext = {
    ...base,
    get services(): never {
      throw new Error('nothing was to be sampled');
    },
  };
  const collect = async (context: EvaluationContext, model: string): Promise<Map<string, Sampled>> => {
    const all = new Map<string, Sampled>();
    for (const { name, adapter } of own) {
      const rows = new Map<string, readonly EvaluatedRow[]>();
      const known = await knownSolutions(store, asked, { name, adapter, model });
      for (const set of task.sets)
        rows.set(
          set.name,
          await evaluateSamples(context, stageOptions(asked, set, { name, adapter, model })),
        );
      all.set(name, { model, adapter: adapter?.sha256 ?? null, rows, known });
    }
    return all;
  };
  if (host.sha256 !== undefined && (await isAllKnown(asked, host.sha256))) return collect(idle, host.sha256);
  const folders = { logs: join(asked.workshop, 'logs'), traces: join(asked.workshop, 'traces') };
  for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true });
  const supervisor = new Supervisor({
    ...folders,
    say: (text) => progress.say(text),
    onFailure: (error) => failure.abort(error),
    signal,
  });
  try {
    const starting = progress.stage('start', 'services');
    starting.expect(1);
    const services = await starting.run(() => startServices(supervisor, asked), asked.host.label);
    starting.advance(1);
    try {
      const context: EvaluationContext = { ...base, services };
      const { sha256 } = await outlastRestarts(
        [services.generator],
        () => services.generator.describeModel({}, { signal }),
        context,
      );
      return await collect(context, sha256);
    } finally {
      for (const client of Object.values(services)) client.close();
    }
  } catch (error) {
    const cause: unknown = failure.signal.aborted ? failure.signal.reason : error;
    throw isRefusal(cause) ? new InputError(oneLine(cause.message), { cause }) : cause;
  } finally {
    await supervisor.stop();
  }
}

async function isAllKnown(asked: Asked, model: string): Promise<boolean> {
  const all = asked.task.sets.reduce((sum, { problems }) => sum + problems.length, 0);
  for (const { name, adapter } of asked.own)
    if ((await knownSolutions(asked.store, asked, { name, adapter, model })) < all * asked.decoding.samples)
      return false;
  return true;
}

async function startServices(supervisor: Supervisor, { artifacts, host, task }: Asked) {
  const shared = { OVERTONE_ARTIFACTS: artifacts };
  const generator =
    host.address ??
    (await supervisor.start('generator', {
      ...shared,
      ...engineEnvironment(host),
      ...generatorEnvironment({ ...host, judges: {} }),
    }));
  const evaluator = await supervisor.start('evaluator', {
    ...shared,
    OVERTONE_GENERATOR: generator,
    ...(task.verifierPath === undefined ? {} : { OVERTONE_VERIFIER: task.verifierPath }),
  });
  return {
    generator: connectGenerator(generator),
    evaluator: connect(EvaluatorServiceClient, evaluator),
  };
}

/** Whether a service says that it cannot use what it was given. */
function isRefusal(error: unknown): error is RpcError {
  return (
    error instanceof RpcError &&
    ['INVALID_ARGUMENT', 'NOT_FOUND', 'FAILED_PRECONDITION'].includes(error.codeName)
  );
}
