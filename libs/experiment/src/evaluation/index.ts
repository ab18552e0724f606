// Evaluation on its own, as `overtone eval` does it.
export {
  type EvaluatedSystem,
  type EvaluationRequest,
  type EvaluationResult,
  evaluateSystems,
  type Host,
  knownSolutions,
  type MeasuredSet,
} from './evaluate-systems.ts';
export { type EarlierResult, readResults, type ResultLine } from './result-file.ts';
