// The training objectives.
export { dpo, type DpoLossType, type DpoOptions } from './dpo.ts';
export {
  type Example,
  type LossInput,
  type LossOutput,
  type Objective,
  type ScoredGroup,
} from './objective.ts';
export { rrhf, type RrhfOptions } from './rrhf.ts';
export { sft, type SftSelection } from './sft.ts';
