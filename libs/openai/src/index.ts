// OpenAI-compatible servers: samples with their log-probabilities, adapters, and what entropy can be had from a few of them.
export { ServerAdapters, type Adapter } from './adapters.ts';
export {
  ChatServer,
  type ChatServerOptions,
  type CompletionRequest,
  type ServerProfile,
} from './chat-server.ts';
export { type Completion, type SampledToken, type TokenLogprob } from './completion.ts';
export { type Dialect } from './dialect.ts';
export { sampleSeed } from './sample-seed.ts';
export { ServerError, type ServerErrorKind } from './server-error.ts';
export { entropyInterval, type EntropyInterval, type KnownLogprobs } from './top-k-entropy.ts';
export { Transport, type TransportOptions } from './transport.ts';
export { chooseModel, identity, listModels, type Listed } from './model-list.ts';
export { withChatSpan, type ChatFacts } from './chat-span.ts';
