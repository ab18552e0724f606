// Spans: pieces of work with a beginning, an end and a parent.
import { type Attributes, type Span, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';

/** The tracer of a room, for example tracer('judging'). */
export function tracer(name: string): Tracer {
  return trace.getTracer(name);
}

/** Runs `work` inside a span that is a child of the active one; an exception is recorded, marks the span as failed and passes on. */
export function withSpan<T>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<T> | T,
): Promise<T> {
  return tracer('overtone').startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.recordException(error instanceof Error ? error : String(error));
      const message = error instanceof Error ? error.message : String(error);
      span.setStatus({ code: SpanStatusCode.ERROR, message });
      throw error;
    } finally {
      span.end();
    }
  });
}
