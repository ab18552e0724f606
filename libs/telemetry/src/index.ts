// Telemetry: spans, metrics and logs of a process. Without `--import @overtone/telemetry/register` (or without anywhere to send
// them) spans and metrics cost nothing and go nowhere; logs always go to standard error.
export {
  failSpan,
  linkTo,
  markFailed,
  type SpanPlace,
  streamSpan,
  traceHeaders,
  tracer,
  withSpan,
} from './span.ts';
export type { Span } from '@opentelemetry/api';
export { inItem, ItemSpans } from './item-spans.ts';
export { type Piece, WorkSpans } from './work-spans.ts';
export { count, countUpDown, recordValue, setGauge } from './metric.ts';
export { isGauge, type MetricDefinition, type MetricName, METRICS } from './metric-definitions.ts';
export { logger } from './logger.ts';
export { keepSecret, redact } from './redact.ts';
export type { Logger, LogFields, LogLevel } from './logger.ts';
export { shutdownTelemetry } from './shutdown.ts';
