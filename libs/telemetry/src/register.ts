// Starts telemetry before anything else is loaded: `node --import @overtone/telemetry/register services/judge/src/main.ts`.
//
//   OVERTONE_SERVICE_NAME                this process in traces, for example "judge"
//   OTEL_EXPORTER_OTLP_ENDPOINT          send traces, metrics and logs there; all OTEL_* variables apply
//   OVERTONE_TRACE_FILE=/abs/file.jsonl  otherwise, write one span a line there
//   OVERTONE_TRACE_ITEMS=0.01            share of a stream's items with spans of their own, see item-spans.ts
//
// With neither an endpoint nor a file nothing is loaded and the process starts as fast as without.
const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OVERTONE_TRACE_FILE: traceFile } = process.env;

if (endpoint) {
  const { startExport } = await import('./start-export.ts');
  startExport();
} else if (traceFile) {
  const { startTraceFile } = await import('./start-trace-file.ts');
  startTraceFile(traceFile);
}
