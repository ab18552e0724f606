// A TensorFlow.js backend that compiles a traced step to ONNX, and runs it on ONNX Runtime.
export {
  formatGraph,
  Graph,
  sizeOf,
  type DType,
  type TensorData,
  type TensorSpec,
  type Value,
} from './graph.ts';
export { createPackedWeights, type PackedWeights, releasePackedWeights } from './native/packed-weights.ts';
export { encodeOnnx } from './onnx-model.ts';
export { gatherRows } from './ops/gather-rows.ts';
export { linearTokenEntropies } from './ops/linear-token-entropies.ts';
export { linearTokenLogprobs } from './ops/linear-token-logprobs.ts';
export {
  cachedAttention,
  type CachedAttentionInput,
  type CachedAttentionOutput,
} from './ops/cached-attention.ts';
export { recomputed } from './ops/recomputed.ts';
export { rmsNorm } from './ops/rms-norm.ts';
export { rotaryEmbedding, rotaryTable, type RotaryTable } from './ops/rotary-embedding.ts';
export { silu } from './ops/silu.ts';
export { blockSums } from './ops/block-sums.ts';
export {
  blockWidth,
  entropies,
  logProbabilities,
  softmaxSums,
  tokenLogprobs,
  type SoftmaxSums,
} from './ops/token-logprob.ts';
export {
  float32,
  hostTensor,
  Program,
  type HostTensor,
  type ProgramOptions,
  type Resident,
  residentPrograms,
} from './program.ts';
export { fuseResidualNorms } from './residual-norms.ts';
export { trace } from './trace.ts';
export { isTracing } from './trace-backend.ts';
export {
  DEFAULT_HARDWARE,
  DEVICES,
  hardwareKey,
  PRECISIONS,
  readHardware,
  type Device,
  type Hardware,
  type Precision,
} from './hardware.ts';
export { halfPrecision } from './half-precision.ts';
export { inPrecision } from './precision.ts';
export { signedProductsAreExact } from './int8-kernels.ts';
export { int8Products, type Int8Weights } from './int8-products.ts';
export { returnFreeMemory } from './native/free-memory.ts';
export { int8Frozen } from './int8-frozen.ts';
export { int8Names, int8Weight, type Int8Layout, type Int8Options, type Int8Weight } from './int8-weight.ts';
export { bytesOf, peakBytes, type PeakMemory } from './peak-bytes.ts';
export { processBytes, uncollectedBytes, type LoadedProcess } from './process-bytes.ts';
export { loadEagerTensorflow, type EagerTensorflow } from './eager-tensorflow.ts';
