// A traced graph, compiled by ONNX Runtime and ready to run.
import * as ort from 'onnxruntime-node';
import { sizeOf, type DType, type Graph, type TensorData, type TensorSpec } from './graph.ts';
import { encodeOnnx } from './onnx-model.ts';

/** Numbers with a shape, in the form that ONNX Runtime takes without a copy. */
export type HostTensor = ort.Tensor;

/** How to run a program. */
export interface ProgramOptions {
  /** Threads within an operator. Default 1: results then do not depend on the machine's cores. */
  readonly threads?: number;
  /** Write ONNX Runtime's operator profile to files with this prefix. */
  readonly profilePrefix?: string;
}

/** Wraps data without copying it. Throws when its length is not that of the shape. */
export function hostTensor(spec: TensorSpec, data: TensorData): HostTensor {
  if (data.length !== sizeOf(spec.shape)) {
    throw new RangeError(
      `Tensor of shape [${spec.shape.join()}] needs ${sizeOf(spec.shape)} numbers, got ${data.length}`,
    );
  }
  return new ort.Tensor(spec.dtype, data, spec.shape);
}

/** The float32 numbers of a tensor. Throws for other types. */
export function float32(tensor: HostTensor): Float32Array {
  if (!(tensor.data instanceof Float32Array))
    throw new TypeError(`Expected a float32 tensor, got ${tensor.type}`);
  return tensor.data;
}

/** A compiled program. `run` occupies the calling thread until the step is done: call it in a worker. */
export class Program {
  /** Element type and shape of every input, by name. */
  readonly inputs: ReadonlyMap<string, { dtype: DType; shape: readonly number[] }>;
  private readonly session: ort.InferenceSession;

  private constructor(graph: Graph, session: ort.InferenceSession) {
    this.inputs = graph.inputs;
    this.session = session;
  }

  /** Compiles a graph. */
  static async compile(graph: Graph, options: ProgramOptions = {}): Promise<Program> {
    const session = await ort.InferenceSession.create(encodeOnnx(graph), {
      executionProviders: ['cpu'],
      intraOpNumThreads: options.threads ?? 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      // The tracer has already removed dead and repeated operators.
      graphOptimizationLevel: 'basic',
      enableMemPattern: false,
      // Masked attention leaves probabilities of 1e-39, and subnormal numbers cost a hundred cycles each.
      extra: { session: { set_denormal_as_zero: '1' } },
      ...(options.profilePrefix ? { enableProfiling: true, profileFilePrefix: options.profilePrefix } : {}),
    });
    return new Program(graph, session);
  }

  /**
   * Runs the program once.
   *
   * @param feeds One tensor per input; others are ignored, so that one set of weights serves several programs.
   * @throws {Error} when an input is missing, or has another shape than was traced.
   */
  async run(feeds: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>> {
    const selected: Record<string, HostTensor> = {};
    for (const [name, spec] of this.inputs) {
      const tensor = feeds[name];
      if (!tensor) throw new Error(`The program needs input ${name} of shape [${spec.shape.join()}]`);
      selected[name] = tensor;
    }
    return this.session.run(selected);
  }

  /** Ends profiling, when it was asked for, and writes the profile. */
  endProfiling(): void {
    this.session.endProfiling();
  }

  /** Frees the session's memory. */
  async dispose(): Promise<void> {
    await this.session.release();
  }
}
