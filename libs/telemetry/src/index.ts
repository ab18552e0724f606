// Telemetry: spans, metrics and logs of a process. Without `--import @overtone/telemetry/register` (or without anywhere to send
// them) spans and metrics cost nothing and go nowhere; logs always go to standard error.
export { tracer, withSpan } from './span.ts';
export { count, recordValue, setGauge } from './metric.ts';
export { logger } from './logger.ts';
export type { Logger, LogFields, LogLevel } from './logger.ts';
export { shutdownTelemetry } from './shutdown.ts';
