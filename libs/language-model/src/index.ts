// Decoder language models: architecture, adapters, tokenizers, checkpoint formats.
export { checkAdapter, readAdapter, writeAdapter, type Adapter } from './adapter.ts';
export {
  describeModel,
  loadModel,
  modelDigest,
  readParameters,
  streamParameters,
  writeModel,
  type LoadOptions,
  type Model,
  type ModelDescription,
  type ParameterMap,
} from './checkpoint.ts';
export { type FloatFormat } from './float-formats.ts';
export { ggufOf, readDecoderConfig } from './model-files.ts';
export { ARCHITECTURES, parseDecoderConfig, type Architecture, type DecoderConfig } from './config.ts';
export {
  causalBias,
  decode,
  headLogits,
  headWeight,
  HIDDEN,
  linearOf,
  weight,
  type Cache,
  type DecoderInput,
  type DecoderOutput,
  type DecoderStep,
  type DecodeOptions,
  type GrowingCache,
  type Linear,
  type Trained,
  type Weights,
} from './decoder.ts';
export {
  loraParameter,
  loraScale,
  loraShapes,
  mergeLora,
  parseTargetModules,
  withLora,
  type LoraConfig,
} from './lora.ts';
export { exportModel, type ExportOptions } from './export-model.ts';
export {
  locateAdapter,
  locateModel,
  resolveModel,
  type FetchProgress,
  type LocatedModel,
  type ResolveOptions,
} from './hub/resolve-model.ts';
export { parseHubReference } from './hub/reference.ts';
export { hubPage, type Uploaded, type UploadFile, type UploadOptions, uploadToHub } from './hub/upload.ts';
export { initialAdapter, initialParameters } from './initialize.ts';
export {
  int8Parameters,
  int8Shapes,
  int8Tensors,
  readInt8Parameters,
  type Int8ParameterOptions,
  type Int8Parameters,
  type QuantizedParameters,
} from './int8-parameters.ts';
export { ModelError } from './model-error.ts';
export {
  EMBEDDING,
  headParameter,
  linearWeights,
  parameterSpecs,
  projectionShape,
  PROJECTIONS,
  type Projection,
} from './parameters.ts';
export { rotaryFrequencies, type RotaryFrequencies } from './rope.ts';
export { ROPE_TYPES, type RopeConfig } from './rope-config.ts';
export { readSafetensors, writeSafetensors, type NamedTensor, type ReadOptions } from './safetensors.ts';
export { writeCheckpoint, type TensorSource, type WriteOptions } from './safetensors-writer.ts';
export {
  createTokenizer,
  readTokenizer,
  type Message,
  type Tokenizer,
  type TokenizerFiles,
} from './tokenizer.ts';
