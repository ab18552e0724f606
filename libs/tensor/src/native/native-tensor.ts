// Tensors as ONNX Runtime's C API has them, over numbers of JavaScript's that stay where they are.
import { type DType } from '../graph.ts';
import { ELEMENT_TYPE } from '../onnx-model.ts';
import { type Address, addressOf, type OrtLibrary } from './library.ts';

/** What is wrapped. */
export interface Numbers {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

function elementType(type: string): number {
  const found = Object.entries(ELEMENT_TYPE).find(([dtype]) => dtype === type);
  if (!found) throw new TypeError(`Tensors of ${type} cannot be used here`);
  return found[1];
}

function isNumbers(data: unknown): data is NodeJS.TypedArray {
  return ArrayBuffer.isView(data) && !(data instanceof DataView);
}

/** Wraps numbers. The caller releases what is made, and keeps the numbers until then. */
export function nativeTensor(library: OrtLibrary, { type, dims, data }: Numbers): Address {
  if (!isNumbers(data)) throw new TypeError(`A tensor of ${type} has no numbers`);
  const shape = BigInt64Array.from(dims, BigInt);
  return library.make(
    'CreateTensorWithDataAsOrtValue',
    library.memory,
    addressOf(data),
    data.byteLength,
    shape,
    shape.length,
    elementType(type),
  );
}

/** Tensors that were wrapped before: what is fed again and again is wrapped once. */
export class NativeTensors {
  private readonly library: OrtLibrary;
  private readonly known = new WeakMap<object, Address>();
  private readonly registry: FinalizationRegistry<Address>;

  constructor(library: OrtLibrary) {
    this.library = library;
    this.registry = new FinalizationRegistry((value) => library.release('ReleaseValue', value));
  }

  /** The wrapped tensor; it is released when the tensor is no longer used. */
  of(tensor: Numbers): Address {
    const known = this.known.get(tensor);
    if (known !== undefined) return known;
    const value = nativeTensor(this.library, tensor);
    this.known.set(tensor, value);
    this.registry.register(tensor, value);
    return value;
  }
}

/** What ONNX Runtime gives its own tensors, bytes: where a row begins decides how some kernels cut their sums. */
const ALIGNMENT = 64;

const KINDS = {
  float32: Float32Array,
  int32: Int32Array,
  int64: BigInt64Array,
  float16: Uint16Array,
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
};

/** Numbers for `size` elements, where ONNX Runtime would have put them. */
export function alignedNumbers(dtype: DType, size: number): InstanceType<(typeof KINDS)[DType]> {
  const Kind = KINDS[dtype];
  const buffer = new ArrayBuffer(size * Kind.BYTES_PER_ELEMENT + ALIGNMENT);
  const past = Number(addressOf(new Uint8Array(buffer)) % BigInt(ALIGNMENT));
  return new Kind(buffer, (ALIGNMENT - past) % ALIGNMENT, size);
}
