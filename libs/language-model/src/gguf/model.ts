// A GGUF file as a checkpoint: the objects of a model folder's JSON files, and tensors under Hugging Face's names.
import { type FileHandle } from 'node:fs/promises';
import { parseDecoderConfig } from '../config.ts';
import { type JsonObject } from '../config-values.ts';
import { ModelError } from '../model-error.ts';
import { openForReading, type NamedTensor, type TensorFile } from '../tensor-file.ts';
import { ggufConfig } from './config.ts';
import { readGgufHeader } from './header.ts';
import { GgufMetadata } from './metadata.ts';
import { checkpointName, unpermutedRow } from './names.ts';
import { ggufEntries, readGgufTensor, type GgufEntry } from './tensors.ts';
import { ggufTokenizer, ggufTokenizerConfig } from './tokenizer.ts';

const ROPE_FACTORS = 'rope_freqs.weight';

/** An open GGUF file. */
export class GgufModel implements TensorFile {
  readonly path: string;
  /** The `config.json` object. */
  readonly config: JsonObject;
  /** By the names of a checkpoint. */
  readonly entries: ReadonlyMap<string, GgufEntry>;
  readonly #metadata: GgufMetadata;
  readonly #file: FileHandle;
  readonly #headDim: number;
  readonly #isLlama: boolean;

  private constructor(
    metadata: GgufMetadata,
    file: FileHandle,
    config: JsonObject,
    entries: Map<string, GgufEntry>,
  ) {
    this.path = metadata.path;
    this.config = config;
    this.entries = entries;
    this.#metadata = metadata;
    this.#file = file;
    const { architecture, headDim } = parseDecoderConfig(config, metadata.path);
    this.#headDim = headDim;
    this.#isLlama = architecture === 'LlamaForCausalLM';
  }

  /**
   * Opens a file and checks its header.
   *
   * @throws {ModelError} naming the file, and the tensor or key where one is at fault.
   */
  static async open(path: string): Promise<GgufModel> {
    const { file, size } = await openForReading(path);
    try {
      const header = readGgufHeader(path, file.fd, size);
      const found = ggufEntries(path, header, size);
      const metadata = new GgufMetadata(path, header.metadata);
      const rope = found.get(ROPE_FACTORS);
      const factors = rope && (await readGgufTensor(file, path, rope)).data;
      const config = ggufConfig(metadata, (name) => found.has(name), factors);
      const entries = new Map<string, GgufEntry>();
      for (const [name, entry] of found) {
        if (name === ROPE_FACTORS) continue;
        const renamed = checkpointName(name);
        if (renamed === undefined) {
          throw new ModelError(
            `${path}: tensor ${name} of shape [${entry.shape.join()}] is not part of the architecture ${metadata.text('general.architecture')}`,
          );
        }
        entries.set(renamed, entry);
      }
      return new GgufModel(metadata, file, config, entries);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The `tokenizer.json` and `tokenizer_config.json` objects. */
  tokenizer(): { tokenizer: JsonObject; tokenizerConfig: JsonObject } {
    return { tokenizer: ggufTokenizer(this.#metadata), tokenizerConfig: ggufTokenizerConfig(this.#metadata) };
  }

  async read(
    name: string,
    signal?: AbortSignal,
    floats?: (count: number) => Float32Array,
  ): Promise<NamedTensor> {
    const entry = this.entries.get(name);
    if (!entry) throw new ModelError(`${this.path}: has no tensor ${name}`);
    const permuted = this.#isLlama && /\.self_attn\.[qk]_proj\./.test(name);
    return readGgufTensor(
      this.#file,
      this.path,
      entry,
      permuted ? (row) => unpermutedRow(row, this.#headDim) : undefined,
      signal,
      floats,
    );
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Opens a GGUF file, hands it to `use` and closes it. */
export async function withGguf<T>(path: string, use: (model: GgufModel) => T | Promise<T>): Promise<T> {
  const model = await GgufModel.open(path);
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}
