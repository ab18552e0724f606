// Runs that have been: listed, shown, compared, and freed of what they need no more.
export {
  bytesBelow,
  findRuns,
  type Headline,
  headlineOf,
  type ListedRun,
  listRun,
  listRunAt,
} from './list-runs.ts';
export { readRun, type RunRecord, type RunState } from './run-record.ts';
export { storeFolderOf, storeOf } from './run-store.ts';
export { runToCompare } from './run-to-compare.ts';
export { type Collection, collectGarbage, type Garbage, type Spared } from './garbage.ts';
export { collectStore, type CollectStoreOptions, type SharedGarbage } from './shared-store.ts';
export {
  artifactsOf,
  findArtifact,
  type ListedQuestion,
  questionOf,
  questionsOf,
  rowsOf,
  saturatedIds,
  type ShownArtifact,
  type ShownQuestion,
  type ShownStage,
  stagesOf,
} from './show-run.ts';
export { type KnownWork, knownWork } from './known-work.ts';
export { type PastRates, pastRates } from './past-work.ts';
