// What a run found: report.json, the table on the terminal, the HTML page.
export {
  buildReport,
  type MeasuredArm,
  type MeasuredRound,
  type MeasuredRun,
  type ReportInput,
} from './build.ts';
export {
  type ArmOutcomes,
  COMPARED_SPLITS,
  compareRuns,
  type Comparison,
  type RunToCompare,
} from './comparison.ts';
export { renderComparisonHtml } from './comparison-page.ts';
export { comparisonTable } from './comparison-table.ts';
export { METHOD } from './difference.ts';
export { formatDifference, formatSeconds, formatShare } from './format.ts';
export {
  average,
  type MeasuredSystem,
  type Measurements,
  type MeasureOptions,
  measureSystems,
} from './measure.ts';
export {
  curveTable,
  differenceTable,
  levelTable,
  type NamedMeasurements,
  styleTable,
  systemTable,
} from './measurement-tables.ts';
export type { QuestionOutcome, StyleCount } from './question-outcome.ts';
export { renderPage } from './html.ts';
export { escapeHtml } from './html-escape.ts';
export type {
  BrowsedAnswer,
  BrowsedAnswers,
  BrowsedQuestion,
  BrowsedSolution,
  BrowsedVerdict,
  BrowserData,
  BusySpan,
  PageMaterial,
  Provenance,
  ServiceTime,
  StageCost,
  TrainingCurve,
} from './page-material.ts';
export {
  type Accuracy,
  type MeasuredLevel,
  type Report,
  type ReportedArm,
  type ReportedDifference,
  type ReportedJudge,
  type ReportedSignal,
  type Statistics,
  type StyleUse,
  parseReport,
  reportedArmSchema,
  reportedSignalSchema,
  reportSchema,
} from './schema.ts';
export { signalTable } from './signal-table.ts';
export { renderSignalsHtml } from './signals-page.ts';
export { renderTable } from './table.ts';
export { columns } from './text-columns.ts';
