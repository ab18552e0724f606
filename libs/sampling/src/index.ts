// Sampling and scoring: batched decoding with entropy, and teacher-forced scores.
export { chooseToken, type ChoiceOptions } from './choose-token.ts';
export { hostParameters } from './host-parameters.ts';
export {
  Sampler,
  type Sample,
  type SamplerModel,
  type SamplerOptions,
  type SamplingOptions,
  type SamplingPrompt,
} from './sampler.ts';
export { SamplingInputError, WorkerCrashError } from './sampling-error.ts';
export {
  type FinishedSample,
  type ItemScore,
  type PromptContent,
  type ScoringRequestItem,
  type ScoringTarget,
} from './sampling-messages.ts';
export { type EnginePhase, type EngineWork, type WorkListener } from './engine-work.ts';
export { defaultCacheBytes } from './pool-defaults.ts';
export {
  SamplingPool,
  type ModelDescription,
  type PoolGenerateRequest,
  type PoolScoreRequest,
  type SamplingPoolOptions,
} from './sampling-pool.ts';
export { TeacherForcing, type ContinuationScore, type ScoringItem } from './teacher-forcing.ts';
export { predictSamplingMemory, type PlannedSampling, type SamplingMemory } from './sampling-memory.ts';
