// What a run found: report.json, the table on the terminal, the HTML page.
export {
  average,
  buildReport,
  type MeasuredArm,
  type MeasuredRun,
  type QuestionOutcome,
  type ReportInput,
} from './build.ts';
export { formatSeconds, formatShare } from './format.ts';
export { renderHtml } from './html.ts';
export {
  type Report,
  type ReportedArm,
  type ReportedJudge,
  type ReportedSignal,
  parseReport,
  reportedSignalSchema,
  reportSchema,
} from './schema.ts';
export { signalTable } from './signal-table.ts';
export { renderSignalsHtml } from './signals-page.ts';
export { renderTable } from './table.ts';
