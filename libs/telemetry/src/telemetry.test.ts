import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const index = import.meta.resolve('./index.ts');

async function run(
  program: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ stdout: string; stderr: string }> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: _, OVERTONE_TRACE_FILE: __, ...inherited } = process.env;
  const args = ['--import', import.meta.resolve('./register.ts'), '--input-type=module', '-e', program];
  const options = {
    cwd: import.meta.dirname,
    env: { ...inherited, OVERTONE_SERVICE_NAME: 'trainer', ...env },
  };
  return promisify(execFile)(process.execPath, args, options);
}

const lines = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line));

describe('the span file', () => {
  it('has the spans of a process that calls process.exit, with failures marked and logs that lead to them', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'overtone-spans-')), 'deep', 'spans.jsonl');
    const program = `
      import { count, logger, recordValue, withSpan } from '${index}';
      await withSpan('outer', { step: 3 }, async () => {
        logger('training').warn('slow step', { seconds: 2, error: new TypeError('x', { cause: new Error('y') }) });
        await withSpan('inner', {}, () => { throw new Error('diverged'); }).catch(() => {});
      });
      count('overtone.training.steps'); recordValue('overtone.training.step.duration', 2);
      process.exit(0);`;
    const { stderr } = await run(program, { OVERTONE_TRACE_FILE: file });
    const [inner, outer] = lines(readFileSync(file, 'utf8'));
    expect(outer).toMatchObject({ name: 'outer', attributes: { step: 3 }, status: { code: 0 } });
    expect(outer).toMatchObject({ resource: { 'service.name': 'trainer' } });
    expect(outer).not.toHaveProperty('parentSpanId');
    expect(inner).toMatchObject({
      name: 'inner',
      parentSpanId: outer?.spanId,
      traceId: outer?.traceId,
      status: { code: 2, message: 'diverged' },
      events: [{ name: 'exception', attributes: { 'exception.message': 'diverged' } }],
    });
    expect(lines(stderr)).toMatchObject([
      {
        level: 'warn',
        service: 'trainer',
        logger: 'training',
        message: 'slow step',
        traceId: outer?.traceId,
        spanId: outer?.spanId,
        seconds: 2,
        error: { name: 'TypeError', message: 'x', cause: { message: 'y' } },
      },
    ]);
  });
});

it('exports gauges, as the metrics of a training are', async () => {
  const program = `
    import { setGauge, shutdownTelemetry } from '${index}';
    for (const loss of [0.43, 0.41]) setGauge('overtone.training.loss', loss, { 'overtone.job.id': 'a' });
    await shutdownTelemetry();`;
  const { stdout } = await run(program, {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:1',
    OTEL_METRICS_EXPORTER: 'console',
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
  });
  expect(stdout).toMatch(/name: 'overtone\.training\.loss',\s+type: 'GAUGE'/);
  expect(stdout).toMatch(/'overtone\.job\.id': 'a'[^]*value: 0\.41/);
});

it('loads no SDK when nobody asked for spans, and no exporters for a file', async () => {
  const watch = `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from 'node:module';
    registerHooks({ resolve(specifier, context, next) {
      if (/^@opentelemetry\\/(sdk|exporter)-/.test(specifier)) console.log(specifier);
      return next(specifier, context);
    } });`)}`;
  const program = `import { tracer } from '${index}'; tracer('x').startSpan('free').end();`;
  const NODE_OPTIONS = `--import=${watch}`;
  expect((await run(program, { NODE_OPTIONS })).stdout).toBe('');
  const file = join(mkdtempSync(join(tmpdir(), 'overtone-spans-')), 'spans.jsonl');
  const { stdout } = await run(program, { NODE_OPTIONS, OVERTONE_TRACE_FILE: file });
  expect(new Set(stdout.trim().split('\n'))).toEqual(new Set(['@opentelemetry/sdk-trace']));
});

it('sends spans, metrics and logs to an OTLP endpoint, also those of the last moment', async () => {
  const received: string[] = [];
  const collector = createServer((request, response) => {
    received.push(request.url ?? '');
    request.resume();
    response.end();
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const bound = collector.address();
  const port = typeof bound === 'object' ? bound?.port : undefined;
  const program = `
    import { count, logger, withSpan } from '${index}';
    await withSpan('last', {}, () => { count('overtone.training.steps'); logger('x').warn('late'); });`;
  await run(program, { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
  collector.close();
  expect(received).toContain('/v1/traces');
  expect(received).toContain('/v1/metrics');
  expect(received).toContain('/v1/logs');
});

describe('the log', () => {
  const program = `
    import { logger } from '${index}';
    const log = logger('x');
    for (const level of ['debug', 'info', 'warn', 'error']) log[level]('says ' + level);
    const cycle = {}; cycle.self = cycle;
    log.error('cyclic', { cycle });`;

  it.each([
    ['debug', ['debug', 'info', 'warn', 'error', 'error']],
    [undefined, ['warn', 'error', 'error']],
  ])('keeps what OVERTONE_LOG_LEVEL=%s asks for', async (level, expected) => {
    const { stderr } = await run(program, { OVERTONE_LOG_LEVEL: level });
    expect(lines(stderr).map((line) => line.level)).toEqual(expected);
    expect(lines(stderr).at(-1)).toMatchObject({ message: 'cyclic' });
  });
});

describe('long streams', () => {
  const spansOf = async (
    program: string,
    env: NodeJS.ProcessEnv = {},
  ): Promise<Record<string, unknown>[]> => {
    const file = join(mkdtempSync(join(tmpdir(), 'overtone-spans-')), 'spans.jsonl');
    const { stderr } = await run(`import * as telemetry from '${index}'; ${program}`, {
      ...env,
      OVERTONE_TRACE_FILE: file,
    });
    expect(stderr).toBe('');
    return lines(readFileSync(file, 'utf8'));
  };
  const stream = `
    const { inItem, ItemSpans, withSpan } = telemetry;
    await withSpan('stream', {}, async () => {
      const items = new ItemSpans('item', 'queue');
      const all = Array.from({ length: 1000 }, (_, index) => ({ index }));
      for (const item of all) items.start(String(item.index), item);
      async function* answers() {
        for (const item of all) {
          if (item.index % 10 === 0) await inItem(item, () => withSpan('call', { index: item.index }, () => {}));
          yield item.index;
        }
        throw new Error('cut off');
      }
      try {
        for await (const index of items.until(answers())) if (index !== 3) items.end(String(index), { done: true });
      } catch {}
    });`;

  it.each([
    [undefined, 32 + 10],
    ['0.1', 32 + 97],
    ['0', 0],
    ['1', 512],
  ])(
    'have spans of a few items with OVERTONE_TRACE_ITEMS=%s, and nothing below the others',
    async (share, count) => {
      const spans = await spansOf(stream, { OVERTONE_TRACE_ITEMS: share });
      const items = spans.filter(({ name }) => name === 'item');
      expect(items).toHaveLength(count);
      const ids = new Set(items.map(({ spanId }) => spanId));
      const calls = spans.filter(({ name }) => name === 'call');
      expect(calls.every(({ parentSpanId }) => ids.has(parentSpanId))).toBe(true);
      expect(calls.length).toBe(
        items.filter(
          ({ attributes }) =>
            Number((attributes as Record<string, number>)['overtone.item.index']) % 10 === 0,
        ).length,
      );
      expect(spans.at(-1)).toMatchObject({
        name: 'stream',
        attributes: { 'overtone.stream.items': 1000, 'overtone.stream.items_traced': count },
      });
      const left = items.filter(({ status }) => (status as { code: number }).code === 2);
      expect(left).toHaveLength(count === 0 ? 0 : 1);
    },
  );

  it('of work are some hundred spans, however long, and say all that was done', async () => {
    const spans = await spansOf(`
      const { withSpan, WorkSpans } = telemetry;
      await withSpan('stream', {}, () => {
        const work = new WorkSpans({ 'overtone.job.id': 'a' });
        for (let second = 0; second < 86_400; second++)
          work.add('step', { start: second * 1000, end: second * 1000 + 900, sums: { tokens: 5 } });
        work.close();
      });`);
    const steps = spans
      .filter(({ name }) => name === 'step')
      .map(({ attributes }) => attributes as Record<string, number>);
    expect(steps.length).toBeGreaterThan(50);
    expect(steps.length).toBeLessThan(300);
    const sum = (key: string): number => steps.reduce((all, own) => all + (own[key] ?? 0), 0);
    expect(sum('tokens')).toBe(5 * 86_400);
    expect(sum('overtone.work.pieces')).toBe(86_400);
    expect(sum('overtone.work.busy')).toBeCloseTo(0.9 * 86_400, 6);
    expect(steps[0]).toMatchObject({ 'overtone.job.id': 'a', 'overtone.work.pieces': 1 });
  });
});
