// Weights with adapters merged into them, kept for the adapters used last.
import { mergeLora, readAdapter, type ParameterMap } from '@overtone/language-model';
import { type HostTensor } from '@overtone/tensor';
import { hostParameters } from './host-parameters.ts';

/** Parameters in the form that programs are fed. */
export type HostWeights = Readonly<Record<string, HostTensor>>;

/** The base weights, and those of the last few adapters. What an adapter does not change is shared. */
export class AdapterCache {
  private readonly parameters: ParameterMap;
  private readonly limit: number;
  private readonly base: HostWeights;
  private readonly merged = new Map<string, Promise<HostWeights>>();

  /** @param limit Most adapters kept, at least 1. */
  constructor(parameters: ParameterMap, limit: number) {
    this.parameters = parameters;
    this.limit = limit;
    this.base = hostParameters(parameters);
  }

  /**
   * The weights with the adapter of a PEFT folder; the base weights for none.
   *
   * @throws {ModelError} when the folder is no adapter of this model.
   */
  async weights(folder: string | undefined): Promise<HostWeights> {
    if (folder === undefined) return this.base;
    const found = this.merged.get(folder) ?? this.merge(folder);
    this.merged.delete(folder);
    this.merged.set(folder, found);
    const [oldest] = this.merged.keys();
    if (this.merged.size > this.limit && oldest !== undefined) this.merged.delete(oldest);
    return found.catch((error: unknown) => {
      this.merged.delete(folder);
      throw error;
    });
  }

  private async merge(folder: string): Promise<HostWeights> {
    const { lora, parameters } = await readAdapter(folder);
    return hostParameters(mergeLora(this.parameters, lora, parameters));
  }
}
