// Spans into a file: the few parts of OpenTelemetry's SDK that this takes. The whole of it brings exporters for six protocols along, and
// every service of a local run would wait for them.
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { serviceName } from './service-name.ts';
import { onShutdown } from './shutdown.ts';
import { SpanFile } from './span-file.ts';

/** Starts writing spans into a file; metrics go nowhere. Call once. */
export function startTraceFile(path: string): void {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName() }),
    spanProcessors: [new SpanFile(path)],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  onShutdown(() => provider.shutdown());
}
