// The programs of sampling, by shape: compiled when they are first needed, run with a model's weights.
import { type DecoderConfig } from '@overtone/language-model';
import {
  type Device,
  hostTensor,
  type HostTensor,
  Program,
  type ProgramOptions,
  type Resident,
  residentPrograms,
} from '@overtone/tensor';
import { compileDecode, type DecodeShape } from './decode-program.ts';
import { noted, type RunSize } from './engine-work.ts';
import { type HostWeights } from './host-parameters.ts';
import { Identities } from './identities.ts';
import { ProgramCache } from './program-cache.ts';
import { type CacheTensors } from './slot-cache.ts';
import { type StepShape, traceStep } from './step-program.ts';

/** Programs kept: a few batch sizes, each with a few capacities, and pieces of prompts. */
const PROGRAMS = 32;

/** ONNX Runtime's attention with a cache takes heads of a multiple of this. */
const HEAD_STEP = 16;
/** Whether steps of a model write into the cache where it lies. */
export function stepsInPlace({ headDim }: DecoderConfig, device: Device = 'cpu'): boolean {
  return residentPrograms(device) && headDim % HEAD_STEP === 0;
}

/** Weights that are fed. */
const FED: Resident = { weights: {} };

type Feeds = Readonly<Record<string, Int32Array | HostTensor>>;

const isTempered = (temperature: number): boolean => temperature !== 0 && temperature !== 1;

/** A step of decoding: a slot in use has something before it. */
function decoding(places: number, lengths: Int32Array | HostTensor | undefined): RunSize {
  let used = 0;
  if (lengths instanceof Int32Array) for (const length of lengths) used += Number(length > 0);
  return { phase: 'decode', tokens: used, used, places };
}

/** All that a program is fed. */
function fed(
  program: Program,
  tensors: Record<string, HostTensor>,
  temperature: number,
  feeds: Feeds,
): Record<string, HostTensor> {
  if (isTempered(temperature))
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
}

/** Compiled programs of one model. */
export class DecodePrograms {
  private readonly config: DecoderConfig;
  private readonly options: ProgramOptions;
  private readonly programs = new ProgramCache(PROGRAMS);
  private readonly identities = new Identities();

  constructor(config: DecoderConfig, options: ProgramOptions) {
    this.config = config;
    this.options = options;
  }

  /** Whether steps write into the cache where it lies. */
  get growing(): boolean {
    return stepsInPlace(this.config, this.options.device);
  }

  /** Runs the program of a shape. Lists are wrapped as its inputs of the same name; those it does not have are left out. */
  run(
    weights: HostWeights,
    shape: Omit<DecodeShape, 'tempered'>,
    temperature: number,
    feeds: Feeds,
  ): Promise<Record<string, HostTensor>> {
    const tempered = shape.rows > 0 && isTempered(temperature);
    const { lora, resident } = weights;
    const whole: DecodeShape = { ...shape, tempered };
    const computed = (): Promise<Record<string, HostTensor>> =>
      this.programs.run(
        JSON.stringify([whole, lora, this.identities.of(resident)]),
        () => compileDecode(this.config, lora, whole, { ...this.options, resident }),
        (program) => fed(program, { ...weights.tensors }, temperature, feeds),
      );
    return shape.length === 1 ? noted(decoding(shape.batch, feeds['positions']), computed) : computed();
  }

  /** One new token for every slot; only when `growing`. `cache`: what the cache of this shape is fed with, and where its outputs go. */
  step(
    weights: HostWeights,
    shape: Omit<StepShape, 'tempered'>,
    temperature: number,
    feeds: Feeds,
    cache: CacheTensors,
  ): Promise<Record<string, HostTensor>> {
    const { lora, resident = FED } = weights;
    const whole: StepShape = { ...shape, tempered: isTempered(temperature) };
    return noted(decoding(shape.batch, feeds['lengths']), () =>
      this.programs.run(
        JSON.stringify([whole, lora, this.identities.of(resident)]),
        () => Program.compile(traceStep(this.config, lora, whole), { ...this.options, resident }),
        (program) => fed(program, { ...weights.tensors, ...cache.feeds }, temperature, feeds),
        cache.into,
      ),
    );
  }

  /** Frees all programs. */
  dispose(): Promise<void> {
    return this.programs.dispose();
  }
}
