// One run is one trace, across the command line and every service.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRun, writeExperiment } from './small-experiment.fixture.ts';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  /** The process that it is from. */
  readonly service: string;
}

let folder = '';
let spans: Span[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-trace-'));
  await writeExperiment(folder, { selfJudge: true });
  expect(await startRun(folder, 'run').ended).toBe(0);
  const traces = join(folder, 'run', 'traces');
  const files = await readdir(traces);
  const read = files.map(async (file) => {
    const lines = (await readFile(join(traces, file), 'utf8')).trim().split('\n');
    return lines.map((line): Span => ({
      ...(JSON.parse(line) as Span),
      service: file.replace(/\.jsonl$/, ''),
    }));
  });
  spans = (await Promise.all(read)).flat();
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the trace of a run', () => {
  it('is one', () => {
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  });

  it('has one root, and every other span has its parent in it', () => {
    const ids = new Set(spans.map(({ spanId }) => spanId));
    const orphans = spans.filter(({ parentSpanId }) => parentSpanId === undefined || !ids.has(parentSpanId));
    expect(orphans.map(({ service }) => service)).toEqual(['overtone']);
  });

  it('crosses from each caller to each service that it calls', () => {
    const serviceOf = new Map(spans.map(({ spanId, service }) => [spanId, service]));
    const edges = new Set(
      spans.map(({ parentSpanId, service }) => `${serviceOf.get(parentSpanId ?? '') ?? ''} → ${service}`),
    );
    for (const edge of [
      'overtone → generator',
      'overtone → judge-self',
      'overtone → judge-rubric',
      'overtone → scorer',
      'overtone → trainer',
      'overtone → evaluator',
      'judge-self → generator',
      'evaluator → generator',
    ]) {
      expect(edges).toContain(edge);
    }
  });
});
