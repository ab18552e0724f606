// A traced graph, compiled by ONNX Runtime and ready to run.
import * as ort from 'onnxruntime-node';
import { sizeOf, type DType, type Graph, type TensorData, type TensorSpec } from './graph.ts';
import { int8Frozen } from './int8-frozen.ts';
import { int8WeightsAmong } from './int8-products.ts';
import { inPrecision } from './precision.ts';
import { type Device, type Hardware, type Precision } from './hardware.ts';
import { ortLibrary } from './native/library.ts';
import { NativeSession } from './native/native-session.ts';
import { type PackedWeights } from './native/packed-weights.ts';
import { encodeOnnx } from './onnx-model.ts';

/** Numbers with a shape, in the form that ONNX Runtime takes without a copy. */
export type HostTensor = ort.Tensor;

/** How to run a program. */
export interface ProgramOptions extends Partial<Hardware> {
  /** Where to run. Default cpu. Operators that another device lacks run on the CPU: see `Program.fallback`. */
  readonly device?: Device;
  /** Precision of matrix products. Default float32. int8 needs `resident` weights of eight bits: see `int8Products`. */
  readonly precision?: Precision;
  /** Threads within an operator. Default 1: results then do not depend on the machine's cores. */
  readonly threads?: number;
  /**
   * Keep the program's state in memory of the caller's (see `run`), and these of its inputs with the program instead of feeding them:
   * their kernels then have them in a layout of their own, which costs their memory once more. On the CPU alone.
   */
  readonly resident?: Resident | undefined;
  /** Inputs that are fed in eight bits, and widened by each operator that reads them: see `int8Frozen`. Default: none. */
  readonly frozenInt8?: readonly string[] | undefined;
  /** Write ONNX Runtime's operator profile to files with this prefix. */
  readonly profilePrefix?: string;
}

/** Inputs that are the same in every run. */
export interface Resident {
  /** By name; those that a program does not have are left out. */
  readonly weights: Readonly<Record<string, HostTensor>>;
  /** Where packed weights are shared with other programs of this process, in any thread. Default: with none. */
  readonly packed?: PackedWeights | undefined;
}

/** Whether programs can be `resident` here: on the CPU, where ONNX Runtime's library can be called. */
export function residentPrograms(device: Device = 'cpu'): boolean {
  return device === 'cpu' && ortLibrary() !== undefined;
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

type Session = ort.InferenceSession | NativeSession;

/** Devices of this thread whose missing operators were reported. */
const reported = new Set<Device>();

/** A compiled program. `run` occupies the calling thread until the step is done: call it in a worker. */
export class Program {
  /** Element type and shape of every input, by name. */
  readonly inputs: ReadonlyMap<string, { dtype: DType; shape: readonly number[] }>;
  /** Why some operators run on the CPU rather than on the device that was asked for; undefined when all of them run there. */
  readonly fallback: string | undefined;
  private readonly session: Session;

  private constructor(graph: Graph, session: Session, fallback: string | undefined) {
    this.inputs = graph.inputs;
    this.session = session;
    this.fallback = fallback;
  }

  /**
   * Compiles a graph.
   *
   * @throws {Error} when the device is not there; `probeDevice` says why.
   */
  static async compile(graph: Graph, options: ProgramOptions = {}): Promise<Program> {
    const { device = 'cpu', precision = 'float32', resident, threads = 1, profilePrefix } = options;
    const { frozenInt8 = [] } = options;
    const narrow = frozenInt8.length > 0 ? int8Frozen(graph, frozenInt8) : graph;
    const rewritten = inPrecision(narrow, { device, precision }, int8WeightsAmong(resident?.weights ?? {}));
    if (resident) {
      const library = residentPrograms(device) ? ortLibrary() : undefined;
      if (!library) throw new Error(`Programs cannot be resident on ${device} here`);
      return new Program(
        rewritten,
        new NativeSession(library, rewritten, { ...resident, threads, profilePrefix }),
        undefined,
      );
    }
    const model = encodeOnnx(rewritten);
    if (device === 'cpu') return new Program(narrow, await openSession(model, device, options), undefined);
    try {
      return new Program(narrow, await openSession(model, device, options, true), undefined);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!reason.includes('fallback to CPU EP has been explicitly disabled')) throw error;
      const fallback = `${device} lacks some of a program's operators; they run on the cpu`;
      if (!reported.has(device)) process.emitWarning(fallback);
      reported.add(device);
      return new Program(narrow, await openSession(model, device, options), fallback);
    }
  }

  /**
   * Runs the program once.
   *
   * @param feeds One tensor per input; others are ignored, so that one set of weights serves several programs.
   * @param into Of a resident program: where outputs are written, by name. An output may lie over an input where its operator allows that.
   * @throws {Error} when an input is missing, or has another shape than was traced.
   */
  async run(
    feeds: Readonly<Record<string, HostTensor>>,
    into?: Readonly<Record<string, HostTensor>>,
  ): Promise<Record<string, HostTensor>> {
    if (this.session instanceof NativeSession) return this.session.run(feeds, into);
    if (into) throw new Error('Only a resident program writes where it is told to');
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

function openSession(
  model: Uint8Array,
  device: Device,
  { threads = 1, profilePrefix }: ProgramOptions,
  strict = false,
): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(model, {
    executionProviders: [device],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // The tracer has already removed dead and repeated operators.
    graphOptimizationLevel: 'basic',
    enableMemPattern: false,
    extra: {
      session: {
        // Masked attention leaves probabilities of 1e-39, and subnormal numbers cost a hundred cycles each.
        set_denormal_as_zero: '1',
        ...(strict ? { disable_cpu_ep_fallback: '1' } : {}),
      },
    },
    ...(profilePrefix ? { enableProfiling: true, profileFilePrefix: profilePrefix } : {}),
  });
}
