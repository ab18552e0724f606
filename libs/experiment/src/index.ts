// The experiment: one YAML file in, one report out, by way of the services.
export * from './prepare.ts';
export { type HostedModel, type PipelineInput, runPipeline } from './pipeline.ts';
export {
  Progress,
  type ProgressEvent,
  type ProgressListener,
  type MeasuredSplit,
  type TrainedStep,
  Stage,
  type StageProgress,
} from './progress.ts';
export { type RunOptions, runExperiment } from './run.ts';
export type { RunContext } from './run-context.ts';
export { type Addresses, connectServices, outlastRestarts, type Services } from './services.ts';
export {
  type ServiceName,
  type SharedPlaces,
  startServices,
  Supervisor,
  type SupervisorOptions,
} from './supervisor.ts';
export { followJob, type JobToFollow } from './stages/follow-job.ts';
export { trainingSpec } from './stages/train.ts';
