// Telemetry as a receiver got it: spans, metrics and logs in OTLP's form of JSON, made plain.

/** A span. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client';
  /** The process. */
  readonly service: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly {
    readonly name: string;
    readonly attributes: Readonly<Record<string, unknown>>;
  }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly failed: boolean;
  /** Seconds since the epoch. */
  readonly start: number;
  readonly end: number;
}

/** A metric as it was exported once. */
export interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly service: string;
  /** With the value, or the number of values, of each. */
  readonly points: readonly {
    readonly attributes: Readonly<Record<string, unknown>>;
    readonly value: number;
  }[];
}

/** A log record. */
export interface LogRecord {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly severity: string;
  /** The line. */
  readonly body: string;
}

/** All that was received. */
export interface Telemetry {
  readonly spans: Span[];
  readonly metrics: Metric[];
  readonly logs: LogRecord[];
}

interface KeyValue {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    readonly intValue?: string | number;
    readonly doubleValue?: number;
    readonly boolValue?: boolean;
    readonly arrayValue?: { readonly values?: KeyValue['value'][] };
  };
}

interface Resource {
  readonly resource: { readonly attributes: KeyValue[] };
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: KeyValue[];
  readonly events?: readonly { readonly name: string; readonly attributes?: KeyValue[] }[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status?: { readonly code?: number };
}

interface Points {
  readonly dataPoints: readonly {
    readonly attributes?: KeyValue[];
    readonly asInt?: string | number;
    readonly asDouble?: number;
    readonly count?: string | number;
  }[];
}

interface OtlpMetric {
  readonly name: string;
  readonly unit?: string;
  readonly sum?: Points;
  readonly gauge?: Points;
  readonly histogram?: Points;
}

interface OtlpLog {
  readonly traceId?: string;
  readonly spanId?: string;
  readonly severityText?: string;
  readonly body?: KeyValue['value'];
}

/** One export request, or one line of the collector's file. */
export interface OtlpMessage {
  readonly resourceSpans?: readonly (Resource & {
    readonly scopeSpans: readonly { readonly spans: OtlpSpan[] }[];
  })[];
  readonly resourceMetrics?: readonly (Resource & {
    readonly scopeMetrics: readonly { readonly metrics: OtlpMetric[] }[];
  })[];
  readonly resourceLogs?: readonly (Resource & {
    readonly scopeLogs: readonly { readonly logRecords: OtlpLog[] }[];
  })[];
}

const KINDS: Readonly<Record<number, Span['kind']>> = { 1: 'internal', 2: 'server', 3: 'client' };

/** Reads what was received. */
export function readTelemetry(messages: Iterable<OtlpMessage>): Telemetry {
  const telemetry: Telemetry = { spans: [], metrics: [], logs: [] };
  for (const { resourceSpans = [], resourceMetrics = [], resourceLogs = [] } of messages) {
    for (const { resource, scopeSpans } of resourceSpans)
      for (const span of scopeSpans.flatMap(({ spans }) => spans))
        telemetry.spans.push(readSpan(span, serviceOf(resource)));
    for (const { resource, scopeMetrics } of resourceMetrics)
      for (const metric of scopeMetrics.flatMap(({ metrics }) => metrics))
        telemetry.metrics.push(readMetric(metric, serviceOf(resource)));
    for (const { resource, scopeLogs } of resourceLogs)
      for (const record of scopeLogs.flatMap(({ logRecords }) => logRecords))
        telemetry.logs.push({
          service: serviceOf(resource),
          traceId: record.traceId ?? '',
          spanId: record.spanId ?? '',
          severity: record.severityText ?? '',
          body: String(valueOf(record.body ?? {})),
        });
  }
  return telemetry;
}

function readSpan(span: OtlpSpan, service: string): Span {
  const { traceId, spanId, parentSpanId = '', name, kind, events = [], links = [], status } = span;
  return {
    traceId,
    spanId,
    parentSpanId,
    name,
    kind: KINDS[kind] ?? 'internal',
    service,
    attributes: attributesOf(span.attributes),
    events: events.map((event) => ({ name: event.name, attributes: attributesOf(event.attributes) })),
    links,
    failed: status?.code === 2,
    start: Number(BigInt(span.startTimeUnixNano) / 1000n) / 1e6,
    end: Number(BigInt(span.endTimeUnixNano) / 1000n) / 1e6,
  };
}

function readMetric({ name, unit = '', sum, gauge, histogram }: OtlpMetric, service: string): Metric {
  const points = ((sum ?? gauge ?? histogram)?.dataPoints ?? []).map((point) => ({
    attributes: attributesOf(point.attributes),
    value: Number(point.asInt ?? point.asDouble ?? point.count),
  }));
  return { name, unit, service, points };
}

function serviceOf({ attributes }: Resource['resource']): string {
  return String(attributesOf(attributes)['service.name']);
}

function attributesOf(list: readonly KeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value }) => [key, valueOf(value)]));
}

function valueOf(value: KeyValue['value']): unknown {
  const { stringValue, intValue, doubleValue, boolValue, arrayValue } = value;
  if (arrayValue) return (arrayValue.values ?? []).map(valueOf);
  return stringValue ?? (intValue === undefined ? undefined : Number(intValue)) ?? doubleValue ?? boolValue;
}
