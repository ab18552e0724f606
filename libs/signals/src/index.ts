// Signals: solutions and verdicts to comparison plans, quality scores, and how far those can be trusted.
export { bradleyTerryScore } from './bradley-terry-score.ts';
export { planBudget, planComparisons, type PlanOptions } from './comparison-plan.ts';
export { FidelityAssessment } from './fidelity.ts';
export { type DistinctText, type Group, maxSolutions, parseGroup } from './group.ts';
export { InvalidInput } from './invalid-input.ts';
export { PanelReliability } from './panel-reliability.ts';
export { checkVerdicts, type Preferences, preferencesOf } from './preferences.ts';
export { type Reconciled, reconcile, reverseVerdict } from './reconcile.ts';
export { findSaturated, isSaturated, type Saturation, type VerifiedGroup } from './saturation.ts';
export { isPairwise, scoreGroup, type ScoreGroupInput } from './score-group.ts';
