// Spans: pieces of work with a beginning, an end and a parent.
import {
  type Attributes,
  type Context,
  context,
  type Link,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { redact } from './redact.ts';

/** What surrounds a span besides its name and attributes. */
export interface SpanPlace {
  /** Its parent. Default: the active span. */
  readonly parent?: Context;
  /** Whether it is a call of another system. Default false. */
  readonly client?: boolean;
  /** Other spans that it has to do with. Default none. */
  readonly links?: Link[];
}

/** The tracer of a room, for example tracer('judging'). */
export function tracer(name: string): Tracer {
  return trace.getTracer(name);
}

/** Runs `work` inside a span that is a child of the active one; an exception is recorded, marks the span as failed and passes on. */
export function withSpan<T>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<T> | T,
  { parent = context.active(), client = false, links = [] }: SpanPlace = {},
): Promise<T> {
  const kind = client ? SpanKind.CLIENT : SpanKind.INTERNAL;
  return tracer('overtone').startActiveSpan(name, { attributes, kind, links }, parent, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      failSpan(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Opens a stream within a span, which ends with it. A reader that leaves early has had enough: that is no failure. */
export async function* streamSpan<T>(
  name: string,
  attributes: Attributes,
  open: (span: Span) => AsyncIterable<T>,
): AsyncGenerator<T> {
  const span = tracer('overtone').startSpan(name, { attributes });
  const place = trace.setSpan(context.active(), span);
  const items = context.with(place, () => open(span)[Symbol.asyncIterator]());
  let ended = false;
  try {
    for (;;) {
      const next = await context.with(place, () => items.next());
      if (next.done === true) break;
      yield next.value;
    }
    ended = true;
  } catch (error) {
    ended = true;
    failSpan(span, error);
    throw error;
  } finally {
    if (!ended) await items.return?.();
    span.end();
  }
}

/** Links the active span to another one, which its work is about without being part of it. */
export function linkTo(other: Span | undefined): void {
  if (other !== undefined) trace.getActiveSpan()?.addLink({ context: other.spanContext() });
}

/** What takes the active span to another process: headers such as `traceparent`. None without a span. */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  return headers;
}

/** Marks a span as failed by an error, and says by which; without secrets that this process knows. */
export function failSpan(span: Span, error: unknown): void {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  span.recordException({
    name,
    message: redact(message),
    ...(stack === undefined ? {} : { stack: redact(stack) }),
  });
  markFailed(span, name, message);
}

/** Marks a span as failed; `type` is the kind of failure, of which there are few. */
export function markFailed(span: Span, type: string, message?: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({
    code: SpanStatusCode.ERROR,
    ...(message === undefined ? {} : { message: redact(message) }),
  });
}
