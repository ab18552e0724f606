// Adapters on a server that loads them while it runs (vLLM): each under a name made of its content, loaded when it is first used,
// and unloaded when there are too many, the one that was used least recently first.
import { ServerError } from './server-error.ts';
import { type Transport } from './transport.ts';

/** An adapter to use. */
export interface Adapter {
  /** SHA-256 of its content. */
  readonly sha256: string;
  /** Its folder in PEFT's format, as the server sees it. */
  readonly folder: string;
}

interface Loaded {
  readonly loading: Promise<void>;
  users: number;
}

/** The adapters that this process has on a server. */
export class ServerAdapters {
  readonly #transport: Transport;
  readonly #limit: number;
  /** By name, the least recently used first. */
  readonly #loaded = new Map<string, Loaded>();

  /** @param limit Most adapters to keep on the server; more only while more are in use at once. */
  constructor(transport: Transport, limit: number) {
    this.#transport = transport;
    this.#limit = limit;
  }

  /**
   * Runs `work` with the adapter's name on the server. Loads it first where it must, and again where the server has forgotten it,
   * as one does that was started again.
   *
   * @throws {ServerError} when the server cannot load adapters, or not this one.
   */
  async use<Result>(
    adapter: Adapter,
    signal: AbortSignal | undefined,
    work: (name: string) => Promise<Result>,
  ): Promise<Result> {
    const name = `overtone-${adapter.sha256.slice(0, 16)}`;
    const own = await this.#acquire(name, adapter);
    try {
      return await work(name);
    } catch (error) {
      if (!(error instanceof ServerError) || error.httpStatus !== 404) throw error;
      signal?.throwIfAborted();
      // Others who notice the same find the new entry.
      if (this.#loaded.get(name) === own) this.#loaded.delete(name);
      const again = await this.#acquire(name, adapter);
      try {
        return await work(name);
      } finally {
        again.users -= 1;
      }
    } finally {
      own.users -= 1;
      await this.#unloadSurplus();
    }
  }

  async #acquire(name: string, adapter: Adapter): Promise<Loaded> {
    const entry = this.#loaded.get(name) ?? { loading: this.#load(name, adapter.folder), users: 0 };
    this.#loaded.delete(name);
    this.#loaded.set(name, entry);
    entry.users += 1;
    try {
      await entry.loading;
      return entry;
    } catch (error) {
      if (this.#loaded.get(name) === entry) this.#loaded.delete(name);
      throw error;
    }
  }

  /** Not cancelled with the call that asks first: others may wait for the same adapter. */
  async #load(name: string, folder: string): Promise<void> {
    try {
      await this.#transport.post('/load_lora_adapter', { lora_name: name, lora_path: folder });
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      if (/already (been )?loaded/i.test(error.message)) return;
      const missing = error.httpStatus === 404 || error.httpStatus === 405;
      if (missing && !/adapter/i.test(error.message)) {
        throw new ServerError(
          'set-up',
          `${this.#transport.server}: it cannot load adapters while it runs; vLLM can when it is started with --enable-lora (and a --max-lora-rank that suffices) and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True`,
          error.httpStatus,
        );
      }
      if (error.kind === 'unreachable' && error.httpStatus === undefined) throw error;
      throw new ServerError(
        'set-up',
        `${error.message}; it was to load the adapter in ${folder}: does the server see that folder (OVERTONE_OPENAI_ADAPTER_PATH maps paths), and does the adapter fit its model and --max-lora-rank?`,
        error.httpStatus,
      );
    }
  }

  async #unloadSurplus(): Promise<void> {
    for (const [name, { users }] of this.#loaded) {
      if (this.#loaded.size <= this.#limit) return;
      if (users > 0) continue;
      this.#loaded.delete(name);
      // One that the server no longer has is as good as unloaded.
      await this.#transport.post('/unload_lora_adapter', { lora_name: name }).catch(() => undefined);
    }
  }
}
