// The OpenTelemetry SDK of this process, with every gRPC call as a client span here and a server span there.
import { GrpcInstrumentation } from '@opentelemetry/instrumentation-grpc';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { onShutdown, shutdownTelemetry } from './shutdown.ts';
import { SpanFile } from './span-file.ts';

// Probes every few seconds would bury the calls that matter.
const UNTRACED_METHODS = ['Check', 'Watch', 'List', 'ServerReflectionInfo'];

/** Starts the SDK: into `traceFile`, or, without one, to where the OTEL_* variables say. Call once, before grpc-js is loaded. */
export function startTelemetry(traceFile: string | undefined): void {
  const sdk = new NodeSDK({
    serviceName: process.env.OVERTONE_SERVICE_NAME ?? process.env.OTEL_SERVICE_NAME ?? 'overtone',
    instrumentations: [new GrpcInstrumentation({ ignoreGrpcMethods: UNTRACED_METHODS })],
    ...(traceFile === undefined
      ? {}
      : { spanProcessors: [new SpanFile(traceFile)], metricReaders: [], logRecordProcessors: [] }),
  });
  sdk.start();
  onShutdown(() => sdk.shutdown());
  // A process that simply comes to its end has nobody to call it.
  process.once('beforeExit', () => void shutdownTelemetry());
}
