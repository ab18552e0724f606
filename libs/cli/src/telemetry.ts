// The command's own telemetry: started after its input has been checked, and before anything loads gRPC.
import { join } from 'node:path';

/** Starts traces into `<run folder>/traces/overtone.jsonl`, or to a collector when the environment names one. */
export async function startTelemetry(runFolder: string): Promise<void> {
  process.env.OVERTONE_SERVICE_NAME ??= 'overtone';
  process.env.OVERTONE_TRACE_FILE ??= join(runFolder, 'traces', 'overtone.jsonl');
  await import('@overtone/telemetry/register');
}

/** Sends what telemetry still holds. */
export async function stopTelemetry(): Promise<void> {
  const { shutdownTelemetry } = await import('@overtone/telemetry');
  await shutdownTelemetry();
}
