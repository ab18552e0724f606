// Telemetry to a collector: OpenTelemetry's SDK for Node, which reads the OTEL_* variables.
import {
  defaultResource,
  envDetector,
  hostDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { serviceName } from './service-name.ts';
import { onShutdown, shutdownTelemetry } from './shutdown.ts';

/** An autoscaler that follows the queues has no use for what they were a minute ago. */
const METRIC_INTERVAL_MS = '15000';

/** Starts sending traces, metrics and logs to OTEL_EXPORTER_OTLP_ENDPOINT, in batches. Call once. */
export function startExport(): void {
  process.env.OTEL_METRIC_EXPORT_INTERVAL ??= METRIC_INTERVAL_MS;
  const sdk = new NodeSDK({
    serviceName: serviceName(),
    // Not of the process: arguments of a command may be secrets, and all of this is a label of every metric.
    resourceDetectors: [envDetector, hostDetector, serviceInstanceIdDetector],
    resource: defaultResource().merge(resourceFromAttributes({ 'service.namespace': 'overtone' })),
  });
  sdk.start();
  onShutdown(() => sdk.shutdown());
  // A process that simply comes to its end has nobody to call it.
  process.once('beforeExit', () => void shutdownTelemetry());
}
