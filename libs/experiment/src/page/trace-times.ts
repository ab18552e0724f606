// Where time went, from the trace of a run: which service was busy with what, and which stage was at work when.
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { BusySpan, ServiceTime } from '@overtone/report';
import { z } from 'zod';

const spanLine = z.object({
  traceId: z.string(),
  name: z.string(),
  kind: z.number(),
  startTimeUnixNano: z.string(),
  endTimeUnixNano: z.string(),
  attributes: z.record(z.string(), z.unknown()).default({}),
  resource: z.object({ 'service.name': z.string() }),
});

interface Span {
  readonly trace: string;
  readonly service: string;
  readonly name: string;
  readonly server: boolean;
  /** The judge of a comparison, where it is said. */
  readonly judge: string | undefined;
  /** Seconds since the epoch. */
  readonly start: number;
  readonly end: number;
}

type Interval = readonly [start: number, end: number];

/** What the trace says; undefined where there is none. */
export interface TraceTimes {
  readonly services: readonly ServiceTime[];
  readonly timeline: readonly BusySpan[];
}

const SERVER = 2;
/** Bars of one lane that are closer than this share of the whole are drawn as one. */
const GAP = 0.004;

/** Reads the traces of a run folder. */
export async function traceTimes(folder: string): Promise<TraceTimes | undefined> {
  const traces = join(folder, 'traces');
  if (!existsSync(traces)) return undefined;
  const spans: Span[] = [];
  for (const file of readdirSync(traces).filter((name) => name.endsWith('.jsonl')))
    for await (const line of createInterface({ input: createReadStream(join(traces, file)) })) {
      const span = readSpan(line);
      if (span !== undefined) spans.push(span);
    }
  if (spans.length === 0) return undefined;
  return { services: servicesOf(spans), timeline: timelineOf(spans) };
}

function readSpan(line: string): Span | undefined {
  try {
    const { traceId, name, kind, startTimeUnixNano, endTimeUnixNano, attributes, resource } = spanLine.parse(
      JSON.parse(line),
    );
    const judge = attributes['overtone.judge'];
    return {
      trace: traceId,
      service: resource['service.name'],
      name,
      server: kind === SERVER,
      judge: typeof judge === 'string' ? judge : undefined,
      start: Number(BigInt(startTimeUnixNano) / 1000n) / 1e6,
      end: Number(BigInt(endTimeUnixNano) / 1000n) / 1e6,
    };
  } catch {
    // The end of a line that a killed process began.
    return undefined;
  }
}

/** Calls that services answered; what the pipeline waited for is the same time once more. */
function servicesOf(spans: readonly Span[]): ServiceTime[] {
  const answered = spans.filter(({ server, service }) => server && service !== 'overtone');
  const groups = Map.groupBy(answered, ({ service, name }) => JSON.stringify([service, operation(name)]));
  return Array.from(groups.values(), (own) => {
    const [first] = own;
    const intervals = own.map(({ start, end }): Interval => [start, end]);
    return {
      service: first?.service ?? '',
      operation: operation(first?.name ?? ''),
      calls: own.length,
      busy: merged(intervals, 0).reduce((sum, [start, end]) => sum + end - start, 0),
      total: intervals.reduce((sum, [start, end]) => sum + end - start, 0),
    };
  }).sort((left, right) => right.busy - left.busy);
}

/** "overtone.v1.GeneratorService/Score" is "Score". */
function operation(name: string): string {
  return name.split('/').at(-1) ?? name;
}

/** Stages by name, each judge by itself; sittings one after another. */
function timelineOf(spans: readonly Span[]): BusySpan[] {
  const stages = spans.filter(
    ({ service, name }) =>
      service === 'overtone' && /^overtone\.[^/]*$/.test(name) && name !== 'overtone.run',
  );
  const shift = shiftsOf(stages);
  const moved = stages.map((span) => {
    const by = shift.get(span.trace) ?? 0;
    const stage = span.name.slice('overtone.'.length);
    return {
      lane: span.judge === undefined ? stage : `${stage} ${span.judge}`,
      start: span.start - by,
      end: span.end - by,
    };
  });
  const whole = Math.max(0, ...moved.map(({ end }) => end));
  const lanes = Map.groupBy(moved, ({ lane }) => lane);
  return Array.from(lanes, ([lane, own]) =>
    merged(
      own.map(({ start, end }): Interval => [start, end]),
      whole * GAP,
    ).map(([start, end]) => ({ lane, start, end })),
  ).flat();
}

/** What to take from the times of each trace, so that the first begins at 0 and each begins when the one before has ended. */
function shiftsOf(spans: readonly Span[]): Map<string, number> {
  const sittings = Array.from(
    Map.groupBy(spans, ({ trace }) => trace),
    ([trace, own]) => ({
      trace,
      start: Math.min(...own.map(({ start }) => start)),
      end: Math.max(...own.map(({ end }) => end)),
    }),
  ).sort((left, right) => left.start - right.start);
  const shifts = new Map<string, number>();
  let passed = 0;
  for (const { trace, start, end } of sittings) {
    shifts.set(trace, start - passed);
    passed += end - start;
  }
  return shifts;
}

/** The union of intervals; those closer than `gap` become one. */
export function merged(intervals: readonly Interval[], gap: number): Interval[] {
  const union: [number, number][] = [];
  for (const [start, end] of intervals.toSorted(([left], [right]) => left - right)) {
    const last = union.at(-1);
    if (last !== undefined && start <= last[1] + gap) last[1] = Math.max(last[1], end);
    else union.push([start, end]);
  }
  return union;
}
