// Weights under adapters, kept for the adapters used last. All of them share the frozen weights.
import {
  checkAdapter,
  int8Tensors,
  mergeLora,
  readAdapter,
  type DecoderConfig,
  type Int8Parameters,
  type ParameterMap,
} from '@overtone/language-model';
import { type PackedWeights, type Resident } from '@overtone/tensor';
import { hostParameters, type HostWeights } from './host-parameters.ts';

/**
 * Models up to this many parameters get a merged copy of what an adapter changes, which decodes faster; for larger ones the
 * low-rank products are computed beside the frozen weights.
 */
const MERGED_PARAMETERS = 2 ** 23;

/** Whether adapters are merged into a copy of the weights of a model of `parameters` numbers. */
export function mergesAdapters(parameters: number): boolean {
  return parameters <= MERGED_PARAMETERS;
}

/** The base weights, and those of the last few adapters. */
export class AdapterCache {
  private readonly config: DecoderConfig;
  private readonly parameters: ParameterMap;
  private readonly limit: number;
  private readonly onDropped: (weights: HostWeights) => void;
  private readonly merge: boolean;
  private readonly base: HostWeights;
  private readonly resident: Resident | undefined;
  private readonly loaded = new Map<string, Promise<HostWeights>>();

  /**
   * @param limit Most adapters kept, at least 1.
   * @param onDropped Hears of weights that are kept no more.
   * @param packed Keeps the frozen weights with the programs, packed there. Default: they are fed.
   * @param int8 Weights that are in eight bits, which must be packed. Default: none.
   */
  constructor(
    config: DecoderConfig,
    parameters: ParameterMap,
    limit: number,
    onDropped: (weights: HostWeights) => void,
    packed?: PackedWeights,
    int8: Int8Parameters = new Map(),
  ) {
    this.config = config;
    this.parameters = parameters;
    this.limit = limit;
    this.onDropped = onDropped;
    const numbers = [...parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
    this.merge = int8.size === 0 && mergesAdapters(numbers);
    this.resident = packed && {
      weights: { ...hostParameters(parameters).tensors, ...int8Tensors(int8) },
      packed,
    };
    this.base = hostParameters(parameters, undefined, this.resident);
  }

  /**
   * The weights with the adapter of a PEFT folder; the base weights for none.
   *
   * @throws {ModelError} when the folder is no adapter of this model.
   */
  async weights(folder: string | undefined): Promise<HostWeights> {
    if (folder === undefined) return this.base;
    const found = this.loaded.get(folder) ?? this.load(folder);
    this.loaded.delete(folder);
    this.loaded.set(folder, found);
    const [oldest] = this.loaded;
    if (this.loaded.size > this.limit && oldest !== undefined) {
      const [name, dropped] = oldest;
      this.loaded.delete(name);
      // One that could not be loaded is nobody's.
      dropped.then(this.onDropped, () => undefined);
    }
    return found.catch((error: unknown) => {
      this.loaded.delete(folder);
      throw error;
    });
  }

  private async load(folder: string): Promise<HostWeights> {
    const adapter = await readAdapter(folder);
    checkAdapter(this.config, adapter, folder);
    return this.merge
      ? hostParameters(mergeLora(this.parameters, adapter.lora, adapter.parameters))
      : hostParameters(this.parameters, adapter, this.resident);
  }
}
