// The programs of sampling, by shape: compiled when they are first needed, run with a model's weights.
import { type DecoderConfig } from '@overtone/language-model';
import { hostTensor, type HostTensor, type ProgramOptions } from '@overtone/tensor';
import { compileDecode, type DecodeShape } from './decode-program.ts';
import { type HostWeights } from './host-parameters.ts';
import { ProgramCache } from './program-cache.ts';

/** Programs kept: a few batch sizes, each with a few capacities, and pieces of prompts. */
const PROGRAMS = 32;

/** Compiled programs of one model. */
export class DecodePrograms {
  private readonly config: DecoderConfig;
  private readonly options: ProgramOptions;
  private readonly programs = new ProgramCache(PROGRAMS);

  constructor(config: DecoderConfig, options: ProgramOptions) {
    this.config = config;
    this.options = options;
  }

  /** Runs the program of a shape. Lists are wrapped as its inputs of the same name; those it does not have are left out. */
  run(
    weights: HostWeights,
    shape: Omit<DecodeShape, 'tempered'>,
    temperature: number,
    feeds: Readonly<Record<string, Int32Array | HostTensor>>,
  ): Promise<Record<string, HostTensor>> {
    const tempered = shape.rows > 0 && temperature !== 0 && temperature !== 1;
    const { lora } = weights;
    const whole: DecodeShape = { ...shape, tempered };
    return this.programs.run(
      JSON.stringify([whole, lora]),
      () => compileDecode(this.config, lora, whole, this.options),
      (program) => {
        const tensors: Record<string, HostTensor> = { ...weights.tensors };
        if (tempered)
          tensors['inverse_temperature'] = hostTensor(
            { dtype: 'float32', shape: [] },
            Float32Array.of(1 / temperature),
          );
        for (const [name, value] of Object.entries(feeds)) {
          const spec = program.inputs.get(name);
          if (!(value instanceof Int32Array)) tensors[name] = value;
          else if (spec) tensors[name] = hostTensor(spec, value);
        }
        return tensors;
      },
    );
  }

  /** Frees all programs. */
  dispose(): Promise<void> {
    return this.programs.dispose();
  }
}
