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
export { type Report, type ReportedArm, type ReportedSignal, parseReport, reportSchema } from './schema.ts';
export { renderTable } from './table.ts';
