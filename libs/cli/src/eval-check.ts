// What `overtone eval` does before anything is sampled: the task, the models and the adapters are found and checked. Free of gRPC, so
// that telemetry can start between this and the evaluation.
import { existsSync, statSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  type Decoding,
  DEFAULT_DECODING,
  type EvaluationTask,
  type Experiment,
  InputError,
  loadEvaluationTask,
  parseGenerator,
} from '@overtone/experiment/prepare';
import {
  checkAdapter,
  locateAdapter,
  modelDigest,
  ModelError,
  readAdapter,
  readDecoderConfig,
} from '@overtone/language-model';
import type { EvalFlags } from './eval-program.ts';
import { fetchModel } from './model-commands.ts';

/** Where a model is sampled from, as an evaluation takes it. */
export interface CheckedHost {
  /** For people. */
  readonly label: string;
  /** What a generator opens. */
  readonly model: string;
  /** The model's folder or file here; undefined where it is not needed here. */
  readonly path: string | undefined;
  readonly sha256: string | undefined;
  readonly address: string | undefined;
  readonly generator: ReturnType<typeof parseGenerator>;
  readonly engine: Experiment['engine'];
}

/** An adapter: a folder here, or an artifact of the store. */
export type CheckedAdapter = { readonly folder: string } | { readonly sha256: string };

/** A system to sample, or the file of an earlier evaluation. */
export type CheckedSystem =
  | { readonly name: string; readonly host: CheckedHost; readonly adapter: CheckedAdapter | undefined }
  | { readonly name: string; readonly file: string };

/** An evaluation that has been checked. */
export interface CheckedEvaluation {
  readonly task: EvaluationTask;
  readonly systems: readonly CheckedSystem[];
  readonly references: readonly string[];
  readonly decoding: Decoding;
  readonly seed: number;
  readonly ks: readonly number[] | undefined;
  /** Folder of the store, of logs and traces. */
  readonly workshop: string;
  /** URI of the artifact store. */
  readonly artifacts: string;
}

/** The embedded model's name. */
const MINIATURE = 'miniature';
const HASH = /^[0-9a-f]{64}$/;

/** Reads the questions, finds models and adapters, and checks that they fit. @throws InputError for what cannot be used */
export async function checkEvaluation(
  taskText: string,
  flags: EvalFlags,
  signal: AbortSignal,
): Promise<CheckedEvaluation> {
  const task = await loadEvaluationTask(taskText, {
    splits: flags.split,
    limit: flags.limit,
    prompt: flags.prompt,
    signal,
  });
  const { evaluation, services } = task.experiment ?? {};
  const decoding: Decoding = {
    samples: flags.samples ?? evaluation?.samples ?? DEFAULT_DECODING.samples,
    temperature: flags.temperature ?? evaluation?.temperature ?? DEFAULT_DECODING.temperature,
    topP: flags.topP ?? evaluation?.topP ?? DEFAULT_DECODING.topP,
    maxNewTokens: flags.maxNewTokens ?? evaluation?.maxNewTokens ?? DEFAULT_DECODING.maxNewTokens,
    seed: flags.seed ?? evaluation?.seed ?? DEFAULT_DECODING.seed,
    stop: flags.stop?.length ? [...flags.stop] : (evaluation?.stop ?? DEFAULT_DECODING.stop),
  };
  const tooLarge = flags.k?.find((k) => k > decoding.samples);
  if (tooLarge !== undefined)
    throw new InputError(
      `--k: ${tooLarge} is more than the ${decoding.samples} samples of each question; give --samples ${tooLarge}, or a smaller k`,
    );
  const outFolder = flags.out === undefined || isFile(flags.out) ? undefined : flags.out;
  if (
    flags.out !== undefined &&
    outFolder === undefined &&
    existsSync(flags.out) &&
    statSync(flags.out).isDirectory()
  )
    throw new InputError(
      `--out: ${flags.out} is a folder; give a file, or a folder without .jsonl in its name`,
    );
  const isUri = flags.store !== undefined && /^[a-z0-9+.-]+:\/\//i.test(flags.store);
  const workshop = resolve((isUri ? undefined : flags.store) ?? outFolder ?? 'runs/eval');
  const hosts = new Hosts(flags, task.experiment, signal);
  const systems = await findSystems(flags, hosts, signal);
  return {
    task,
    ...systems,
    decoding,
    seed: flags.bootstrapSeed ?? evaluation?.bootstrapSeed ?? 0,
    ks: flags.k,
    workshop,
    artifacts:
      (isUri ? flags.store : flags.store === undefined ? services?.artifacts : undefined) ??
      pathToFileURL(join(workshop, 'artifacts')).href,
  };
}

function isFile(out: string): boolean {
  return extname(out) === '.jsonl';
}

async function findSystems(
  { adapter: adapters, against }: EvalFlags,
  hosts: Hosts,
  signal: AbortSignal,
): Promise<Pick<CheckedEvaluation, 'systems' | 'references'>> {
  const own = await hosts.own();
  const base: CheckedSystem = { name: 'base', host: own, adapter: undefined };
  const measured: CheckedSystem[] = [];
  for (const text of adapters) {
    const [, named, reference = ''] = /^(?:([\w.:-]+)=)?(.*)$/s.exec(text) ?? [];
    const name = named ?? nameOf(reference);
    measured.push({ name, host: own, adapter: await findAdapter(reference, own, '--adapter', signal) });
  }
  if (measured.length === 0) measured.push(base);
  const wanted = against.length > 0 ? against : adapters.length > 0 ? ['base'] : [];
  if (wanted.includes('none') && wanted.length > 1)
    throw new InputError('--against: none stands alone; leave it away, or the others');
  const references: CheckedSystem[] = [];
  for (const text of wanted.filter((each) => each !== 'none')) {
    if (text === 'base') {
      if (adapters.length === 0)
        throw new InputError(
          '--against base: the base is what is measured; give an --adapter, or another model',
        );
      references.push(base);
    } else references.push(await findReference(text, hosts, own, signal));
  }
  const systems = [...references, ...measured];
  const twice = systems.find(({ name }, at) => systems.findIndex((other) => other.name === name) !== at);
  if (twice !== undefined)
    throw new InputError(
      `two systems are called "${twice.name}"; write another name before an adapter: name=adapter`,
    );
  return { systems, references: references.map(({ name }) => name) };
}

async function findReference(
  text: string,
  hosts: Hosts,
  own: CheckedHost,
  signal: AbortSignal,
): Promise<CheckedSystem> {
  const [file = '', system] = existsSync(text) ? [text] : text.split('#');
  if (isFile(file)) {
    if (!existsSync(file)) throw new InputError(`--against ${text}: no such file`);
    return {
      name: system === undefined ? basename(file, '.jsonl') : `${basename(file, '.jsonl')}#${system}`,
      file: text,
    };
  }
  if (HASH.test(text) || existsSync(join(text, 'adapter_config.json')))
    return { name: nameOf(text), host: own, adapter: await findAdapter(text, own, '--against', signal) };
  const plus = existsSync(text) ? -1 : text.indexOf('+');
  const host = await hosts.find(plus < 0 ? text : text.slice(0, plus), '--against');
  if (plus < 0) return { name: host.label, host, adapter: undefined };
  const reference = text.slice(plus + 1);
  const adapter = await findAdapter(reference, host, '--against', signal);
  return { name: `${host.label}+${nameOf(reference)}`, host, adapter };
}

function nameOf(reference: string): string {
  return HASH.test(reference) ? reference.slice(0, 12) : basename(resolve(reference));
}

async function findAdapter(
  reference: string,
  host: CheckedHost,
  flag: string,
  signal: AbortSignal,
): Promise<CheckedAdapter> {
  if (HASH.test(reference)) return { sha256: reference };
  if (reference === '') throw new InputError(`${flag}: expected an adapter, or name=adapter`);
  try {
    const folder = await locateAdapter(reference, { signal });
    const adapter = await readAdapter(folder);
    if (host.path !== undefined) checkAdapter(await readDecoderConfig(host.path), adapter, folder);
    return { folder };
  } catch (error) {
    throw error instanceof ModelError ? new InputError(`${flag}: ${error.message}`, { cause: error }) : error;
  }
}

/** Models by what they are called, each found once. */
class Hosts {
  readonly #flags: EvalFlags;
  readonly #experiment: Experiment | undefined;
  readonly #signal: AbortSignal;
  readonly #found = new Map<string, CheckedHost>();

  constructor(flags: EvalFlags, experiment: Experiment | undefined, signal: AbortSignal) {
    this.#flags = flags;
    this.#experiment = experiment;
    this.#signal = signal;
  }

  /** The model that is measured. */
  async own(): Promise<CheckedHost> {
    const { generator: where, model } = this.#flags;
    const experiment = this.#experiment;
    const address =
      where === undefined
        ? experiment?.services.generator
        : where.trimStart().startsWith('{')
          ? undefined
          : where;
    const generator =
      where !== undefined && address === undefined
        ? parseGenerator(where)
        : (experiment?.generator ?? { backend: 'engine' as const });
    if (address === undefined && generator.backend === 'engine') {
      const reference = model ?? experiment?.model;
      if (reference === undefined)
        throw new InputError('which model? Give --model, or --generator with the address of a running one');
      return this.find(reference, '--model');
    }
    if (address !== undefined && !/^[^\s/]+:\d+$/.test(address))
      throw new InputError(`--generator: expected host:port, or {backend: openai, …}, got "${address}"`);
    const label = model ?? address ?? 'server';
    return {
      label,
      model: '',
      path: undefined,
      sha256: undefined,
      address,
      generator: generator.backend === 'openai' ? { ...generator, entropy: 'none' } : generator,
      engine: undefined,
    };
  }

  /** A model that the engine samples from, here. */
  async find(reference: string, flag: string): Promise<CheckedHost> {
    const known = this.#found.get(reference);
    if (known !== undefined) return known;
    const isMiniature = reference === MINIATURE && !existsSync(reference);
    const engine = this.#experiment?.engine;
    const located = await fetchModel(isMiniature ? miniaturePath() : reference, this.#signal).catch(
      (error: unknown) => {
        throw error instanceof InputError
          ? new InputError(`${flag}: ${error.message}`, { cause: error })
          : error;
      },
    );
    // Another device or precision makes other samples; only the generator knows by which hash.
    const isPlain = (engine?.device ?? 'cpu') === 'cpu' && (engine?.precision ?? 'float32') === 'float32';
    const host: CheckedHost = {
      label: isMiniature ? MINIATURE : basename(reference),
      model: located.reference,
      path: located.path,
      sha256: isPlain ? await this.#digest(located.path, flag) : undefined,
      address: undefined,
      generator: { backend: 'engine' },
      engine,
    };
    this.#found.set(reference, host);
    return host;
  }

  async #digest(path: string, flag: string): Promise<string> {
    try {
      await readDecoderConfig(path);
      return await modelDigest(path, { signal: this.#signal });
    } catch (error) {
      throw error instanceof ModelError
        ? new InputError(`${flag}: ${error.message}`, { cause: error })
        : error;
    }
  }
}

function miniaturePath(): string {
  return fileURLToPath(new URL('../../miniature/model', import.meta.url));
}
