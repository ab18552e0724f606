// Decoder language models: architecture, adapters, tokenizers, checkpoint formats.
export { readAdapter, writeAdapter, type Adapter } from './adapter.ts';
export {
  loadModel,
  modelDigest,
  readParameters,
  writeModel,
  type Model,
  type ParameterMap,
} from './checkpoint.ts';
export { parseDecoderConfig, readDecoderConfig, type DecoderConfig } from './config.ts';
export {
  causalBias,
  decode,
  headLogits,
  HIDDEN,
  linearOf,
  weight,
  type Cache,
  type DecoderInput,
  type DecoderOutput,
  type Linear,
  type Weights,
} from './decoder.ts';
export {
  loraParameter,
  loraShapes,
  mergeLora,
  parseTargetModules,
  withLora,
  type LoraConfig,
} from './lora.ts';
export { initialAdapter, initialParameters } from './initialize.ts';
export { ModelError } from './model-error.ts';
export { parameterSpecs, PROJECTIONS, type Projection } from './parameters.ts';
export { readSafetensors, writeSafetensors, type NamedTensor } from './safetensors.ts';
export { createTokenizer, readTokenizer, type Message, type Tokenizer } from './tokenizer.ts';
