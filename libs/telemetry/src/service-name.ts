// What this process is called in traces, metrics and logs.

/** OVERTONE_SERVICE_NAME, or OpenTelemetry's own variable; "overtone" is the command line. */
export function serviceName(): string {
  const { OVERTONE_SERVICE_NAME: own, OTEL_SERVICE_NAME: general } = process.env;
  return own || general || 'overtone';
}
