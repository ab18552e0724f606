// Training: objectives, optimiser, the loop, checkpoints.
export { type AdamWOptions } from './adamw.ts';
export { type Alarm, type AlarmOptions } from './alarms.ts';
export { parseTrainingGroup, readTrainingGroups, type TrainingGroup } from './dataset.ts';
export { createObjective, type ObjectiveSpec } from './objective-spec.ts';
export { runTraining, type RunOptions, type TrainingEvent, type TrainingOptions } from './run-training.ts';
export { measureTraining, type TrainingMeasure } from './measure-training.ts';
export { planTraining, type TrainingPlan } from './prepare-training.ts';
export { scheduleFactor, type ScheduleKind } from './schedule.ts';
export {
  type PlannedTraining,
  predictStepMemory,
  predictTrainingMemory,
  type StepMemory,
  type StepShape,
} from './step-memory.ts';
export { type CheckpointPolicy } from './checkpoints.ts';
export { type Snapshot, type SnapshotOptions, writeLastWeights } from './snapshots.ts';
export { type Batching } from './step-plan.ts';
export { TrainingError } from './training-error.ts';
export { trainInThread } from './training-thread.ts';
export { type TrainingTask } from './training-worker.ts';
