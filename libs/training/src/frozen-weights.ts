// A model's weights as the programs of a run take them: in float32; or, where an adapter is trained and int8 was asked for, those of the
// linear modules in eight bits, since nothing changes them.
import {
  type DecoderConfig,
  initialParameters,
  int8Parameters,
  int8Shapes,
  int8Tensors,
  type LoraConfig,
  type ParameterMap,
  readInt8Parameters,
  readParameters,
} from '@overtone/language-model';
import {
  DEFAULT_HARDWARE,
  type Hardware,
  hostTensor,
  type HostTensor,
  type ProgramOptions,
} from '@overtone/tensor';

/** How the programs of a run are compiled, but for their threads. */
export type ProgramSettings = Pick<ProgramOptions, 'device' | 'precision' | 'frozenInt8'>;

/** What is trained determines what is frozen. */
interface Trained {
  readonly config: DecoderConfig;
  /** The adapter; undefined trains all parameters. */
  readonly lora: LoraConfig | undefined;
}

/** What programs of a run are compiled for. Gradients are not taken through integers: products are in float32 where weights are in eight bits. */
export function programSettings(
  { config, lora }: Trained,
  { device, precision }: Hardware = DEFAULT_HARDWARE,
): ProgramSettings {
  if (precision !== 'int8') return { device, precision };
  return { device, precision: 'float32', frozenInt8: lora ? [...int8Shapes(config).keys()] : [] };
}

/** A model's weights. */
export interface ProgramWeights {
  /** Those in float32. */
  readonly parameters: ParameterMap;
  /** All of them, as programs with these settings take them. */
  readonly weights: Readonly<Record<string, HostTensor>>;
}

/**
 * Reads a model's weights, or draws them.
 *
 * @throws {ModelError} as `readParameters`.
 */
export async function loadWeights(
  { model, initializeSeed }: { readonly model: string; readonly initializeSeed?: number | undefined },
  config: DecoderConfig,
  { frozenInt8 = [] }: ProgramSettings,
): Promise<ProgramWeights> {
  const drawn = initializeSeed === undefined ? undefined : initialParameters(config, initializeSeed);
  if (frozenInt8.length === 0) {
    const parameters = drawn ?? (await readParameters(model, config));
    return { parameters, weights: programWeights(parameters) };
  }
  const layout = 'rows';
  const { parameters, int8 } = drawn
    ? await int8Parameters(drawn, config, { layout })
    : await readInt8Parameters(model, config, { layout });
  return { parameters, weights: { ...programWeights(parameters), ...int8Tensors(int8) } };
}

/** Parameters as programs take them. */
export function programWeights(parameters: ParameterMap): Record<string, HostTensor> {
  return Object.fromEntries(
    [...parameters].map(([name, { shape, data }]) => [name, hostTensor({ dtype: 'float32', shape }, data)]),
  );
}
