// The training objectives.
export { dpo, type DpoLossType, type DpoOptions } from './dpo.ts';
export {
  type CompletionTokens,
  type Example,
  type LossInput,
  type LossOutput,
  type Objective,
  type ScoredGroup,
} from './objective.ts';
export { grpo, type GrpoLossType, type GrpoOptions, type ImportanceSamplingLevel } from './grpo.ts';
export { desirability, kto, type KtoOptions } from './kto.ts';
export { orpo, type OrpoOptions } from './orpo.ts';
export { plackettLuce, type PlackettLuceOptions } from './plackett-luce.ts';
export { rrhf, type RrhfOptions } from './rrhf.ts';
export { sft, type SftOptions, type SftSelection } from './sft.ts';
export { simpo, type SimpoOptions } from './simpo.ts';
