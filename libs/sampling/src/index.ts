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
export { TeacherForcing, type ContinuationScore, type ScoringItem } from './teacher-forcing.ts';
