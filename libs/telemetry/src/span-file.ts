// A file of spans, one JSON object a line with the names of OTLP/JSON: what a local run has instead of a collector.
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Attributes, HrTime, Link } from '@opentelemetry/api';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace';

const FLUSH_MS = 1000;

/** Appends finished spans every second and when the process exits; several processes may share the file. */
export class SpanFile implements SpanProcessor {
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;
  #lines: string[] = [];

  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    this.#timer = setInterval(() => this.#flush(), FLUSH_MS).unref();
    process.on('exit', () => this.#flush());
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    this.#lines.push(`${JSON.stringify(spanObject(span))}\n`);
  }

  async forceFlush(): Promise<void> {
    this.#flush();
  }

  async shutdown(): Promise<void> {
    clearInterval(this.#timer);
    this.#flush();
  }

  #flush(): void {
    if (this.#lines.length === 0) return;
    const lines = this.#lines.splice(0);
    try {
      appendFileSync(this.#path, lines.join(''));
    } catch (error) {
      // A full disk must not end a training run for the sake of its trace.
      process.stderr.write(`cannot write ${lines.length} spans to ${this.#path}: ${String(error)}\n`);
    }
  }
}

function spanObject(span: ReadableSpan): object {
  const { traceId, spanId } = span.spanContext();
  return {
    traceId,
    spanId,
    ...(span.parentSpanContext === undefined ? {} : { parentSpanId: span.parentSpanContext.spanId }),
    name: span.name,
    // OTLP counts from SPAN_KIND_INTERNAL = 1, the API from INTERNAL = 0.
    kind: span.kind + 1,
    startTimeUnixNano: nanoseconds(span.startTime),
    endTimeUnixNano: nanoseconds(span.endTime),
    status: span.status,
    attributes: span.attributes,
    ...(span.events.length === 0
      ? {}
      : { events: span.events.map(({ name, time, attributes }) => eventObject(name, time, attributes)) }),
    ...(span.links.length === 0 ? {} : { links: span.links.map(linkObject) }),
    resource: { 'service.name': span.resource.attributes['service.name'] },
  };
}

function eventObject(name: string, time: HrTime, attributes: Attributes | undefined): object {
  return { name, timeUnixNano: nanoseconds(time), attributes };
}

function linkObject({ context: { traceId, spanId }, attributes }: Link): object {
  return { traceId, spanId, ...(attributes === undefined ? {} : { attributes }) };
}

function nanoseconds([seconds, rest]: HrTime): string {
  return String(BigInt(seconds) * 1_000_000_000n + BigInt(rest));
}
