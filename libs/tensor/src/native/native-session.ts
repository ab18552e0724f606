// A session of ONNX Runtime's C API: weights that belong to the session, and results that are written where the caller wants them.
import { basename, dirname } from 'node:path';
import * as ort from 'onnxruntime-node';
import { type Graph, sizeOf, type TensorSpec } from '../graph.ts';
import { encodeOnnx } from '../onnx-model.ts';
import { type Address, addressOf, cString, type OrtLibrary } from './library.ts';
import { nativeTensor, NativeTensors, alignedNumbers } from './native-tensor.ts';
import { type PackedWeights } from './packed-weights.ts';

/** How a session is made. */
export interface NativeSessionOptions {
  readonly threads: number;
  /** Inputs that are the same in every run, by name: they are not fed. Others of these names are left out. */
  readonly weights: Readonly<Record<string, ort.Tensor>>;
  /** Where packed weights are shared. Default: with nobody. */
  readonly packed?: PackedWeights | undefined;
  readonly profilePrefix?: string | undefined;
}

/** Folds constants: a product with constant ones, which is a sum, then takes the same path whatever the batch. */
const BASIC_OPTIMIZATION = 1;
/** ONNX Runtime wants to see the file that the model says its weights lie in, also when it is given them and reads none. */
const EXISTING_FILE = import.meta.filename;
const CONFIGURATION = {
  // Masked attention leaves probabilities of 1e-39, and subnormal numbers cost a hundred cycles each.
  'session.set_denormal_as_zero': '1',
  'session.model_external_initializers_file_folder_path': dirname(EXISTING_FILE),
};

/** Names as C has them: an array of pointers to strings. */
class Names {
  readonly pointers: BigUint64Array;
  private readonly strings: readonly Uint8Array[];

  constructor(names: readonly string[]) {
    this.strings = names.map(cString);
    this.pointers = BigUint64Array.from(this.strings, addressOf);
  }
}

const tensorsOf = new WeakMap<OrtLibrary, NativeTensors>();

/** A compiled graph. */
export class NativeSession {
  private readonly library: OrtLibrary;
  private readonly session: Address;
  private readonly tensors: NativeTensors;
  private readonly inputs: readonly string[];
  private readonly outputs: readonly (readonly [name: string, spec: TensorSpec])[];
  private readonly inputNames: Names;
  private readonly outputNames: Names;
  private readonly inputValues: BigUint64Array;
  private readonly outputValues: BigUint64Array;
  /** What belongs to the session; kept for as long as it reads them. */
  readonly weights: readonly ort.Tensor[];
  private readonly ownContainer: Address | undefined;

  /** @throws {Error} when ONNX Runtime refuses the graph. */
  constructor(library: OrtLibrary, graph: Graph, options: NativeSessionOptions) {
    this.library = library;
    this.tensors = tensorsOf.get(library) ?? new NativeTensors(library);
    tensorsOf.set(library, this.tensors);
    const read = new Set([...graph.liveNodes().flatMap(({ inputs }) => inputs), ...graph.outputs.values()]);
    const resident = new Set(Object.keys(options.weights).filter((name) => graph.inputs.has(name)));
    // Those that nobody reads are neither fed nor kept.
    const weights = Object.entries(options.weights).filter(([name]) => {
      const value = graph.inputs.get(name);
      return value !== undefined && read.has(value);
    });
    this.weights = weights.map(([, tensor]) => tensor);
    this.inputs = [...graph.inputs.keys()].filter((name) => !resident.has(name));
    this.outputs = [...graph.outputs];
    this.inputNames = new Names(this.inputs);
    this.outputNames = new Names(this.outputs.map(([name]) => name));
    this.inputValues = new BigUint64Array(this.inputs.length);
    this.outputValues = new BigUint64Array(this.outputs.length);
    const model = encodeOnnx(graph, { names: resident, location: basename(EXISTING_FILE) });
    const settings = library.make('CreateSessionOptions');
    try {
      // The tracer has already removed dead and repeated operators.
      library.call('SetSessionGraphOptimizationLevel', settings, BASIC_OPTIMIZATION);
      library.call('SetIntraOpNumThreads', settings, options.threads);
      library.call('SetInterOpNumThreads', settings, 1);
      library.call('DisableMemPattern', settings);
      for (const [key, value] of Object.entries(CONFIGURATION))
        library.call('AddSessionConfigEntry', settings, key, value);
      if (options.profilePrefix !== undefined)
        library.call('EnableProfiling', settings, options.profilePrefix);
      for (const [name, tensor] of weights)
        library.call('AddInitializer', settings, cString(name), this.tensors.of(tensor));
      this.ownContainer = options.packed ? undefined : library.make('CreatePrepackedWeightsContainer');
      this.session = library.make(
        'CreateSessionFromArrayWithPrepackedWeightsContainer',
        library.environment,
        model,
        model.byteLength,
        settings,
        options.packed?.address ?? this.ownContainer ?? 0n,
      );
    } finally {
      library.release('ReleaseSessionOptions', settings);
    }
  }

  /**
   * Runs the graph once.
   *
   * @param into Where outputs are written, by name; they may lie over inputs where the operator allows it. Others get memory of their own.
   */
  run(
    feeds: Readonly<Record<string, ort.Tensor>>,
    into: Readonly<Record<string, ort.Tensor>> = {},
  ): Record<string, ort.Tensor> {
    for (const [index, name] of this.inputs.entries()) {
      const tensor = feeds[name];
      if (!tensor) throw new Error(`The program needs input ${name}`);
      this.inputValues[index] = this.tensors.of(tensor);
    }
    const results: Record<string, ort.Tensor> = {};
    const made: Address[] = [];
    try {
      for (const [index, [name, { dtype, shape }]] of this.outputs.entries()) {
        const given = into[name];
        const tensor = given ?? new ort.Tensor(dtype, alignedNumbers(dtype, sizeOf(shape)), shape);
        const value = given ? this.tensors.of(given) : nativeTensor(this.library, tensor);
        if (!given) made.push(value);
        this.outputValues[index] = value;
        results[name] = tensor;
      }
      this.library.call(
        'Run',
        this.session,
        0n,
        this.inputNames.pointers,
        this.inputValues,
        this.inputs.length,
        this.outputNames.pointers,
        this.outputs.length,
        this.outputValues,
      );
    } finally {
      for (const value of made) this.library.release('ReleaseValue', value);
    }
    return results;
  }

  /** Writes the profile, when it was asked for. */
  endProfiling(): void {
    const allocator = this.library.make('GetAllocatorWithDefaultOptions');
    this.library.make('SessionEndProfiling', this.session, allocator);
  }

  release(): Promise<void> {
    this.library.release('ReleaseSession', this.session);
    if (this.ownContainer !== undefined)
      this.library.release('ReleasePrepackedWeightsContainer', this.ownContainer);
    return Promise.resolve();
  }
}
