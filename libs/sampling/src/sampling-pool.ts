// A pool of engine worker threads: the calling thread stays free while its workers sample and score. What is computed does not
// depend on the number of workers, nor on what else they do.
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import {
  modelDigest,
  ModelError,
  parameterSpecs,
  readDecoderConfig,
  readInt8Parameters,
  readParameters,
  type DecoderConfig,
  type QuantizedParameters,
} from '@overtone/language-model';
import {
  createPackedWeights,
  DEFAULT_HARDWARE,
  type Hardware,
  hardwareKey,
  type PackedWeights,
  releasePackedWeights,
  residentPrograms,
  returnFreeMemory,
  signedProductsAreExact,
  sizeOf,
} from '@overtone/tensor';
import { type WorkListener } from './engine-work.ts';
import { EngineThread, type JobMessage, type ThreadJob } from './engine-thread.ts';
import { GenerateCall, type Task } from './generate-call.ts';
import { defaultCacheBytes, packsWeights } from './pool-defaults.ts';
import { PromptQueue } from './prompt-queue.ts';
import { checkPrompt, type SamplingOptions } from './sampler.ts';
import { SamplingInputError, type WorkerCrashError } from './sampling-error.ts';
import {
  type FinishedSample,
  type ItemScore,
  type PromptContent,
  type ScoringRequestItem,
  type ToWorker,
  type WorkerSettings,
} from './sampling-messages.ts';

/** How to set up a pool. */
export interface SamplingPoolOptions {
  /** The model folder. */
  readonly model: string;
  /** Worker threads. Default: one a core. */
  readonly workers?: number;
  /** Samples that each worker decodes at once. Default 64. */
  readonly slots?: number;
  /** Adapters that each worker keeps. Default 4. */
  readonly adapters?: number;
  /** Memory for keys and values of all workers, bytes. Default: a quarter of the machine's. */
  readonly cacheBytes?: number | undefined;
  /** What programs run on, and in which precision. Default: the CPU, float32. */
  readonly hardware?: Hardware;
  /**
   * Whether the weights are kept once more in the layout of the kernels that multiply with them, which makes steps of few slots up to
   * twice as fast. Default: on the CPU, where that takes at most an eighth of the memory and adapters are not merged.
   */
  readonly packWeights?: boolean | undefined;
}

/** What is sampled. */
export interface PoolGenerateRequest {
  /** Ids are part of the randomness. */
  readonly prompts: readonly (PromptContent & { readonly id: string })[];
  readonly options: SamplingOptions;
  /** A PEFT folder. Default: the base model. */
  readonly adapter?: string;
  /** Hears what is computed for this call, a few times a second. */
  readonly onWork?: WorkListener;
}

/** What is scored. */
export interface PoolScoreRequest {
  readonly items: readonly ScoringRequestItem[];
  /** A PEFT folder. Default: the base model. */
  readonly adapter?: string;
  /** Hears what is computed for this call, a few times a second. */
  readonly onWork?: WorkListener;
}

/** What a pool hosts. */
export interface ModelDescription {
  /** The folder's name. */
  readonly model: string;
  /** SHA-256 over configuration, weights and tokenizer, and over the hardware where that is not the default. */
  readonly sha256: string;
  readonly architecture: string;
  readonly parameters: number;
  readonly vocabularySize: number;
  /** Longest sequence, tokens. */
  readonly contextLength: number;
}

/** Items that one job scores. */
const ITEMS_PER_JOB = 64;

/** Least time between two returns of freed memory: taking it again costs as much as a few steps. */
const TIDY_EVERY_MS = 30_000;

/** Worker threads that share the calls they are given, fairly: calls that wait take turns. */
export class SamplingPool {
  private readonly settings: WorkerSettings;
  private readonly config: DecoderConfig;
  private readonly description: ModelDescription;
  private readonly threads: EngineThread[] = [];
  private readonly waiting: Task[] = [];
  private readonly workers: number;
  private readonly packed: PackedWeights | undefined;
  private starting = 0;
  private broken: Error | undefined;
  private tidied = performance.now();
  private closed = false;

  /**
   * Loads a model into a new pool.
   *
   * @throws {ModelError} when the folder is no model, or has no weights.
   */
  static async open(options: SamplingPoolOptions): Promise<SamplingPool> {
    const config = await readDecoderConfig(options.model);
    const specs = [...parameterSpecs(config).values()];
    const description = {
      model: basename(options.model),
      sha256: digestWith(await modelDigest(options.model), options.hardware),
      architecture: config.architecture,
      parameters: specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
      vocabularySize: config.vocabSize,
      contextLength: config.maxPositionEmbeddings,
    };
    const { device, precision } = options.hardware ?? DEFAULT_HARDWARE;
    if (precision === 'int8' && !residentPrograms(device))
      throw new Error(
        `precision int8: needs device cpu, and ONNX Runtime's library where it can be called; "overtone doctor" says more. Use float32`,
      );
    const weights =
      precision === 'int8'
        ? await readInt8Parameters(options.model, config, {
            signed: await signedProductsAreExact(),
            shared: true,
            tiedHead: true,
          })
        : { parameters: await readParameters(options.model, config), int8: new Map() };
    const pool = new SamplingPool(options, config, weights, description);
    const started = await Promise.allSettled(
      Array.from({ length: pool.workers }, (_, index) => pool.startThread(index)),
    );
    const failed = started.find((result) => result.status === 'rejected');
    if (failed) {
      await pool.close();
      throw failed.reason;
    }
    return pool;
  }

  private constructor(
    options: SamplingPoolOptions,
    config: DecoderConfig,
    { parameters, int8 }: QuantizedParameters,
    description: ModelDescription,
  ) {
    const { model: folder, slots = 64, adapters = 4, hardware = DEFAULT_HARDWARE } = options;
    const cacheBytes = options.cacheBytes ?? defaultCacheBytes();
    this.workers = options.workers ?? availableParallelism();
    for (const [name, value] of Object.entries({ workers: this.workers, slots, adapters, cacheBytes })) {
      if (!Number.isInteger(value) || value < 1)
        throw new RangeError(`${name} is ${value}, expected an integer ≥ 1`);
    }
    const { packWeights = packsWeights(description.parameters, hardware) } = options;
    this.packed = packWeights || int8.size > 0 ? createPackedWeights() : undefined;
    this.settings = {
      folder,
      parameters,
      int8,
      slots,
      adapters,
      cacheBytes: cacheBytes / this.workers,
      hardware,
      packed: this.packed,
    };
    this.config = config;
    this.description = description;
  }

  /** What is hosted. */
  describe(): ModelDescription {
    return this.description;
  }

  /** Worker threads. */
  get size(): number {
    return this.workers;
  }

  /**
   * Samples every prompt; yields samples as they finish. A reader that falls behind makes the workers wait.
   *
   * @throws {SamplingInputError} for a prompt that cannot be used, before anything is sampled.
   * @throws {ModelError} when the adapter is not one of this model.
   * @throws {WorkerCrashError} when a worker ended while it worked on this.
   */
  async *generate(request: PoolGenerateRequest, signal?: AbortSignal): AsyncGenerator<FinishedSample> {
    const { prompts, options, adapter, onWork } = request;
    if (prompts.length === 0) return;
    const encoded = (await this.encode(prompts, signal)).map((tokens, index) => ({
      id: prompts[index]?.id ?? '',
      tokens,
    }));
    for (const [index, { id, tokens }] of encoded.entries()) {
      try {
        checkPrompt(id, tokens.length, options, this.config);
      } catch (error) {
        throw new SamplingInputError(index, error instanceof Error ? error.message : String(error));
      }
    }
    const longest = encoded.reduce((most, { tokens }) => Math.max(most, tokens.length), 0);
    const call: GenerateCall = new GenerateCall(
      new PromptQueue(encoded, this.workers, options.samples),
      options,
      longest,
      adapter,
      () => this.waiting.some((task) => task !== call && this.threads.some((thread) => task.fits(thread))),
      () => {
        if (!this.waiting.includes(call)) this.enqueue(call);
      },
      onWork,
    );
    this.enqueue(call);
    try {
      for await (const sample of call.samples(signal)) yield sample;
    } catch (error) {
      if (!(error instanceof SamplingInputError)) throw error;
      const item = encoded.findIndex(({ tokens }) => tokens.length === longest);
      throw new SamplingInputError(item, error.message);
    } finally {
      this.withdraw(call);
      call.cancel();
      this.schedule();
      this.tidy();
    }
  }

  /**
   * Scores items; answers come in their order.
   *
   * @throws {SamplingInputError} for the first item that cannot be used.
   * @throws {ModelError} when the adapter is not one of this model.
   * @throws {WorkerCrashError} when a worker ended while it worked on this.
   */
  async score({ items, adapter, onWork }: PoolScoreRequest, signal?: AbortSignal): Promise<ItemScore[]> {
    const parts: Promise<readonly ItemScore[]>[] = [];
    const perJob = Math.min(ITEMS_PER_JOB, Math.ceil(items.length / this.workers));
    for (let first = 0; first < items.length; first += perJob) {
      const part = items.slice(first, first + perJob);
      const message = (job: number): ToWorker => ({ type: 'score', job, adapter, items: part });
      const scored = this.once('scored', message, signal, onWork);
      parts.push(
        scored.then(
          ({ scores }) => scores,
          (error: unknown) => {
            if (error instanceof SamplingInputError)
              throw new SamplingInputError(first + error.item, error.message);
            throw error;
          },
        ),
      );
    }
    return (await Promise.all(parts).finally(() => this.tidy())).flat();
  }

  /** Ends all calls with an error, and the workers after the step that they compute now. */
  async close(): Promise<void> {
    this.closed = true;
    this.fail(new Error('The sampling pool was closed'));
    await Promise.all(this.threads.map((thread) => thread.close()));
    if (this.packed) releasePackedWeights(this.packed);
  }

  /** Lets a worker crash; for tests of what follows. */
  crashWorker(index: number): void {
    this.threads.find((thread) => thread.index === index)?.crash();
  }

  private async encode(
    prompts: readonly PromptContent[],
    signal: AbortSignal | undefined,
  ): Promise<readonly Int32Array[]> {
    const encoded = await this.once('encoded', (job) => ({ type: 'encode', job, prompts }), signal);
    return encoded.prompts;
  }

  /** A job with one answer, on the first thread that is free. */
  private once<Type extends JobMessage['type']>(
    type: Type,
    message: (job: number) => ToWorker,
    signal: AbortSignal | undefined,
    onWork?: WorkListener,
  ): Promise<Extract<JobMessage, { readonly type: Type }>> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } =
      Promise.withResolvers<Extract<JobMessage, { readonly type: Type }>>();
    let cancel = (): void => undefined;
    const lane = type === 'encoded' ? 'encoding' : 'scoring';
    const job: ThreadJob = {
      lane,
      busy: true,
      onWork,
      receive: (answer) => {
        if (isType(answer, type)) resolve(answer);
      },
      end: (error) => {
        if (error) reject(error);
      },
    };
    const task: Task = {
      fits: (thread) => !thread.busy(lane),
      start: (thread) => {
        const number = thread.run(job, message);
        cancel = () => thread.post({ type: 'cancel', job: number });
        return false;
      },
      fail: reject,
    };
    const onAbort = (): void => {
      this.withdraw(task);
      cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.enqueue(task);
    return promise.finally(() => signal?.removeEventListener('abort', onAbort));
  }

  /** Gives back, now and then, what calls have freed. */
  private tidy(): void {
    const now = performance.now();
    if (now - this.tidied < TIDY_EVERY_MS) return;
    this.tidied = now;
    returnFreeMemory();
  }

  private enqueue(task: Task): void {
    if (this.broken) return task.fail(this.broken);
    this.waiting.push(task);
    this.schedule();
  }

  private withdraw(task: Task): void {
    const index = this.waiting.indexOf(task);
    if (index >= 0) this.waiting.splice(index, 1);
  }

  /** Gives threads the waiting tasks that they may work on, in order; a task that wants more threads goes to the end. */
  private schedule(): void {
    for (const task of [...this.waiting]) {
      const thread = this.threads.find((candidate) => task.fits(candidate));
      if (!thread) continue;
      this.withdraw(task);
      if (task.start(thread)) this.waiting.push(task);
    }
  }

  private async startThread(index: number): Promise<void> {
    this.starting += 1;
    try {
      const thread = await EngineThread.start(
        index,
        this.settings,
        () => this.schedule(),
        (error) => this.restart(index, error),
      );
      this.threads.push(thread);
      if (this.closed) await thread.close();
      else this.schedule();
    } finally {
      this.starting -= 1;
    }
  }

  private restart(index: number, crash: WorkerCrashError): void {
    const at = this.threads.findIndex((thread) => thread.index === index);
    if (at >= 0) this.threads.splice(at, 1);
    this.startThread(index).catch((error: unknown) => {
      if (this.threads.length > 0 || this.starting > 0) return;
      const reason = error instanceof Error ? error.message : String(error);
      this.fail(
        new ModelError(`${crash.message}; no sampling worker is left, none could be started: ${reason}`),
      );
    });
  }

  private fail(error: Error): void {
    this.broken ??= error;
    for (const task of this.waiting.splice(0)) task.fail(error);
  }
}

/** What stands for a model in the keys of results: its digest, and the hardware's part of it. */
function digestWith(digest: string, hardware: Hardware = DEFAULT_HARDWARE): string {
  const key = hardwareKey(hardware);
  return key === undefined ? digest : createHash('sha256').update(`${digest} ${key}`).digest('hex');
}

function isType<Type extends JobMessage['type']>(
  message: JobMessage,
  type: Type,
): message is Extract<JobMessage, { readonly type: Type }> {
  return message.type === type;
}
