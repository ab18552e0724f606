// Starts telemetry before anything else is loaded: `node --import @overtone/telemetry/register services/judge/src/main.ts`.
//
//   OVERTONE_SERVICE_NAME                this process in traces, for example "judge"
//   OTEL_EXPORTER_OTLP_ENDPOINT          send traces and metrics there; all OTEL_* variables apply
//   OVERTONE_TRACE_FILE=/abs/file.jsonl  otherwise, write one span a line there
//
// With neither of the last two nothing is loaded and the process starts as fast as without.
import { register } from 'node:module';

const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OVERTONE_TRACE_FILE: traceFile } = process.env;

if (endpoint || traceFile) {
  // The instrumentation can only wrap an ES module that is loaded after this hook, hence `--import` and the import() below: with
  // a plain import there would be no gRPC spans, and no error either.
  register('@opentelemetry/instrumentation/hook.mjs', import.meta.url, {
    data: { include: ['@grpc/grpc-js'] },
  });
  const { startTelemetry } = await import('./start.ts');
  startTelemetry(endpoint ? undefined : traceFile);
}
