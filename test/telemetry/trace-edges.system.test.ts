// A run over five processes and an external judge, as a collector sees it: one trace, whose edges lead from the command line into every
// service, into the judge's HTTP calls and into the engine.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JudgeApi } from '../../libs/judging/src/openai/judge-api.fixture.ts';
import { startRun } from '../end-to-end/small-experiment.fixture.ts';
import { attributesOf, groups, metrics, prometheusNames, spanGroup } from './conventions.fixture.ts';
import {
  answers,
  collectorProgram,
  configuration,
  freePort,
  hasCollector,
  hasPrometheus,
  type OtlpReceiver,
  prometheusProgram,
  promtoolProgram,
  startCollector,
  startReceiver,
} from './otlp-receiver.fixture.ts';
import { type Span, type Telemetry } from './telemetry.fixture.ts';

const model = fileURLToPath(new URL('../../libs/miniature/model', import.meta.url));
const observability = fileURLToPath(new URL('../../infra/observability/', import.meta.url));
const register = import.meta.resolve('@overtone/telemetry/register');
const run = promisify(execFile);

const experiment = (judgeUrl: string): string => `
name: traced
model: ${model}
engine: { threads: 1 }
task:
  kind: chain-sum
  train: { seed: 1, count: 16, terms: [2, 3], max: 9, nonNegative: true }
  easy: { seed: 2, count: 2, terms: [2, 3], max: 9, nonNegative: true }
  hard: { seed: 3, count: 4, terms: [6, 7], max: 20, nonNegative: true }
sampling: { samples: 4, maxNewTokens: 96, seed: 1, chunk: 8 }
judges:
  rubric: { backend: rubric }
  self: { backend: generator, template: miniature }
  api:
    backend: openai
    baseUrl: ${judgeUrl}
    budget: { currency: { amount: 100, promptPerMillion: 2, completionPerMillion: 8 } }
audit: { judge: rubric }
signals:
  self-judge: { method: bradley-terry, judge: self }
  api-judge: { method: bradley-terry, judge: api }
objectives:
  dpo: { type: dpo, steps: 6, groupsPerStep: 4, optimizer: { learningRate: 3.0e-4 } }
arms:
  - { signal: api-judge, objective: dpo }
  - { signal: self-judge, objective: dpo }
evaluation: { samples: 2, maxNewTokens: 96, seed: 2 }
`;

let folder = '';
let telemetry: Telemetry = { spans: [], metrics: [], logs: [] };
let queried: Map<string, number> | undefined;
let scraped = '';
const api = new JudgeApi();

/** The trace of the run, without that of the process beside it. */
let spans: Span[] = [];
let byId = new Map<string, Span>();
const parent = ({ parentSpanId }: Span): Span | undefined => byId.get(parentSpanId);
const named = (name: string): Span[] => spans.filter((span) => span.name === name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-edges-'));
  // The first request for a verdict is refused once.
  api.behaviour = {
    ...api.behaviour,
    fault: (n) => (n === 1 ? { status: 503, headers: { 'retry-after-ms': '5' } } : undefined),
  };
  await writeFile(join(folder, 'experiment.yaml'), experiment(await api.start()));
  const receiver = hasCollector ? await startCollector(folder) : await startReceiver();
  const prometheus = hasPrometheus && receiver.scrape ? await startPrometheus(receiver.scrape) : undefined;
  const environment = {
    ...receiver.environment,
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
    OTEL_METRIC_EXPORT_TIMEOUT: '1000',
    OVERTONE_LOG_LEVEL: 'debug',
    OVERTONE_WORKERS: '1',
  };
  try {
    expect(await startRun(folder, 'run', environment).ended).toBe(0);
    const flaky = fileURLToPath(new URL('retried-call.fixture.ts', import.meta.url));
    await run(process.execPath, ['--import', register, flaky], {
      env: { ...process.env, ...environment, OVERTONE_SERVICE_NAME: 'flaky' },
    });
    if (receiver.scrape) scraped = await readMetrics(receiver);
    if (prometheus) queried = await askDashboards(prometheus.address);
  } finally {
    prometheus?.child.kill('SIGKILL');
    telemetry = await receiver.stop();
  }
  spans = telemetry.spans.filter(({ service }) => service !== 'flaky');
  byId = new Map(spans.map((span) => [span.spanId, span]));
}, 150_000);

afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

describe('the trace of a run', () => {
  it('is one, with one root', () => {
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    const orphans = spans.filter((span) => parent(span) === undefined);
    expect(orphans.map(({ service, name }) => `${service}: ${name}`)).toEqual(['overtone: overtone.run']);
  });

  it('crosses from each caller to each service that it calls, as a client span and the server span below it', () => {
    const edges = new Set<string>();
    for (const span of spans.filter(({ kind }) => kind === 'server')) {
      const caller = parent(span);
      expect(caller?.kind, span.name).toBe('client');
      expect(caller?.name).toBe(span.name);
      edges.add(`${caller?.service} → ${span.service}: ${span.name.split('/').at(-1)}`);
    }
    for (const edge of [
      'overtone → generator: Generate',
      'overtone → judge-self: Compare',
      'overtone → judge-api: Compare',
      'overtone → judge-rubric: Compare',
      'overtone → scorer: ScoreGroups',
      'overtone → trainer: CreateJob',
      'overtone → trainer: WatchJob',
      'overtone → evaluator: Evaluate',
      'judge-self → generator: Score',
      'evaluator → generator: Generate',
    ])
      expect(edges).toContain(edge);
  });

  it("goes on in the judge's HTTP calls, every attempt of them", () => {
    const sent = spans.filter(({ service, name }) => service === 'judge-api' && name === 'POST');
    const received = api.traceparents.map((header) => /^00-(\w+)-(\w+)-01$/.exec(header ?? ''));
    // Beyond the first comparisons of a stream most have no spans.
    const recorded = received.filter((match) => match !== null);
    expect(recorded.length).toBeGreaterThan(0);
    expect(recorded.map(([, traceId]) => traceId).every((id) => id === spans[0]?.traceId)).toBe(true);
    expect(recorded.map(([, , spanId]) => spanId).sort()).toEqual(sent.map(({ spanId }) => spanId).sort());
    const [refused, again] = sent.toSorted((left, right) => left.start - right.start);
    expect(refused).toMatchObject({ failed: true, attributes: { 'http.response.status_code': 503 } });
    expect(again).toMatchObject({
      failed: false,
      attributes: { 'http.response.status_code': 200, 'http.request.resend_count': 1 },
    });
    const chat = parent(again ?? expect.unreachable());
    expect(parent(refused ?? expect.unreachable())).toBe(chat);
    expect(chat).toMatchObject({
      name: 'chat arbiter',
      kind: 'client',
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.request.model': 'arbiter',
        'gen_ai.response.model': 'arbiter',
        'gen_ai.usage.input_tokens': 100,
      },
    });
    expect(parent(chat ?? expect.unreachable())?.name).toBe('overtone.judge.comparison');
  });

  it('goes on in the engine and in the steps of training, within the time of their calls', () => {
    for (const [name, above] of [
      ['overtone.engine.prefill', 'overtone.generate'],
      ['overtone.engine.decode', 'overtone.generate'],
      ['overtone.engine.score', 'overtone.score.batch'],
      ['overtone.train.prepare', 'overtone.train.job'],
      ['overtone.train.steps', 'overtone.train.job'],
      ['overtone.train.job', 'overtone.v1.TrainerService/CreateJob'],
    ] as const) {
      const found = named(name).filter((span) => parent(span)?.name === above);
      expect(found, `${above} → ${name}`).not.toHaveLength(0);
      for (const span of found) {
        expect(span.end).toBeGreaterThanOrEqual(span.start);
        if (above.includes('/')) continue;
        // The clocks of threads are a little apart.
        expect(span.start, name).toBeGreaterThan((parent(span)?.start ?? Infinity) - 0.05);
        expect(span.end, name).toBeLessThan((parent(span)?.end ?? 0) + 0.05);
      }
    }
    const steps = named('overtone.train.steps').reduce(
      (sum, { attributes }) => sum + Number(attributes['overtone.work.pieces']),
      0,
    );
    expect(steps).toBe(12);
    const decoded = named('overtone.engine.decode').reduce(
      (sum, { attributes }) => sum + Number(attributes['overtone.token.count']),
      0,
    );
    const sampled = named('overtone.generate').reduce(
      (sum, { attributes }) => sum + Number(attributes['overtone.token.count']),
      0,
    );
    // The first token of a sample comes with its prompt.
    expect(decoded).toBeGreaterThan(0.8 * sampled);
    expect(decoded).toBeLessThan(sampled);
  });

  it('links batches to their items, and those who watch a job to it', () => {
    const batches = named('overtone.score.batch');
    const linked = batches.flatMap(({ links }) => links.map(({ spanId }) => byId.get(spanId)?.name));
    expect(linked.length).toBe(named('overtone.score.item').length);
    expect(new Set(linked)).toEqual(new Set(['overtone.score.item']));
    const watches = named('overtone.v1.TrainerService/WatchJob').filter(({ kind }) => kind === 'server');
    expect(watches.flatMap(({ links }) => links.map(({ spanId }) => byId.get(spanId)?.name))).toContain(
      'overtone.train.job',
    );
  });

  it('has spans of the first items of a stream and of a share of the others', () => {
    for (const [stream, item] of [
      ['overtone.v1.JudgeService/Compare', 'overtone.judge.comparison'],
      ['overtone.v1.GeneratorService/Score', 'overtone.score.item'],
    ] as const)
      for (const span of named(stream).filter(({ kind }) => kind === 'server')) {
        const items = Number(span.attributes['overtone.stream.items']);
        const traced = spans.filter(
          ({ name, parentSpanId }) => name === item && parentSpanId === span.spanId,
        );
        expect(traced).toHaveLength(span.attributes['overtone.stream.items_traced'] as number);
        expect(traced).toHaveLength(Math.min(items, 32) + Math.floor(items * 0.01));
      }
  });
});

describe('a call that fails', () => {
  const flaky = (): Span[] => telemetry.spans.filter(({ service }) => service === 'flaky');

  it('and is tried again has a span for every attempt', () => {
    const describes = flaky().filter(({ name }) => name.endsWith('/Describe'));
    const attempts = describes
      .filter(({ kind }) => kind === 'client')
      .toSorted((left, right) => left.start - right.start);
    expect(attempts).toMatchObject([
      { failed: true, attributes: { 'rpc.status_code': 'UNAVAILABLE', 'error.type': 'UNAVAILABLE' } },
      { failed: false, attributes: { 'rpc.status_code': 'OK', 'overtone.rpc.attempt': 2 } },
    ]);
    expect(attempts[0]?.parentSpanId).toBe(attempts[1]?.parentSpanId);
    const served = describes.filter(({ kind }) => kind === 'server').map(({ parentSpanId }) => parentSpanId);
    expect(served.sort()).toEqual(attempts.map(({ spanId }) => spanId).sort());
  });

  it('shows its status on both sides: a failure of the client, no failure of a server that was asked wrongly', () => {
    const compares = flaky().filter(
      ({ name, attributes }) =>
        name.endsWith('/Compare') && attributes['rpc.status_code'] === 'INVALID_ARGUMENT',
    );
    const status = { 'rpc.status_code': 'INVALID_ARGUMENT' };
    expect(compares.find(({ kind }) => kind === 'client')).toMatchObject({
      failed: true,
      attributes: status,
    });
    expect(compares.find(({ kind }) => kind === 'server')).toMatchObject({
      failed: false,
      attributes: status,
    });
  });

  it('is counted by its status, and is not active any more, also when nobody waited for its end', () => {
    const last = (metric: string) =>
      telemetry.metrics.findLast(({ name, service }) => service === 'flaky' && name === metric)?.points ?? [];
    const statuses = Object.fromEntries(
      last('rpc.server.call.duration').map(({ attributes, value }) => [
        `${String(attributes['rpc.method']).split('/').at(-1)} ${String(attributes['rpc.status_code'])}`,
        value,
      ]),
    );
    // Where a client gives up at its deadline, a server may see no more than that it gave up.
    const { 'Compare CANCELLED': cancelled = 0, 'Compare DEADLINE_EXCEEDED': late = 0, ...others } = statuses;
    expect(cancelled + late).toBe(2);
    expect(others).toEqual({ 'Describe UNAVAILABLE': 1, 'Describe OK': 1, 'Compare INVALID_ARGUMENT': 1 });
    expect(last('rpc.server.active_calls').map(({ value }) => value)).toEqual([0, 0]);
    const unfinished = flaky().filter(({ attributes }) =>
      /CANCELLED|DEADLINE/.test(String(attributes['rpc.status_code'])),
    );
    const given = unfinished
      .filter(({ kind }) => kind === 'client')
      .map(({ attributes }) => attributes['rpc.status_code']);
    expect(given.sort()).toEqual(['CANCELLED', 'DEADLINE_EXCEEDED']);
    expect(unfinished.filter(({ kind }) => kind === 'server')).toHaveLength(2);
  });

  it('leads from its log to its span, in the record and in the line', () => {
    const record = telemetry.logs.find(({ body }) => body.includes('about to fail'));
    const server = flaky().find(
      ({ kind, attributes }) => kind === 'server' && attributes['rpc.status_code'] === 'INVALID_ARGUMENT',
    );
    expect(record).toMatchObject({
      service: 'flaky',
      severity: 'ERROR',
      traceId: server?.traceId,
      spanId: server?.spanId,
    });
    expect(JSON.parse(record?.body ?? '')).toMatchObject({
      level: 'error',
      message: 'about to fail',
      traceId: server?.traceId,
      spanId: server?.spanId,
    });
  });
});

describe('logs', () => {
  it('of services carry the id of the trace, in the run folder as at the collector', async () => {
    const lines: { traceId?: string; service?: string }[] = [];
    for (const file of await readdir(join(folder, 'run', 'logs')))
      for (const line of (await readFile(join(folder, 'run', 'logs', file), 'utf8')).split('\n'))
        if (line.startsWith('{')) lines.push(JSON.parse(line) as { traceId?: string; service?: string });
    const traced = lines.filter(({ traceId }) => traceId === spans[0]?.traceId);
    for (const service of ['generator', 'judge-api', 'trainer'])
      expect(traced.map((line) => line.service)).toContain(service);
    const sent = telemetry.logs.filter(({ traceId }) => traceId === spans[0]?.traceId);
    expect(new Set(sent.map(({ service }) => service))).toEqual(
      new Set(traced.map(({ service }) => service)),
    );
  });
});

describe('all names', () => {
  it('of spans, events and attributes are in the schema', () => {
    const unknown = new Set<string>();
    for (const { name, kind, attributes, events } of telemetry.spans) {
      const group = spanGroup(name, kind, attributes);
      if (group === undefined) unknown.add(`${kind} span ${name}`);
      const known = new Set(group === undefined ? [] : attributesOf(group));
      for (const key of Object.keys(attributes)) if (!known.has(key)) unknown.add(`${name}: ${key}`);
      for (const event of events)
        if (!groups.some((own) => own.type === 'event' && own.name === event.name))
          unknown.add(`event ${event.name}`);
    }
    expect([...unknown]).toEqual([]);
  });

  it('of metrics, their units and their attributes are in the schema', () => {
    // The SDK counts what it does itself.
    const own = telemetry.metrics.filter(({ name }) => !name.startsWith('otel.sdk.'));
    for (const { name, unit, points } of own) {
      const attributes = points.flatMap((point) => Object.keys(point.attributes));
      const group = metrics.get(name);
      expect(group?.unit, name).toBe(unit);
      expect(group && attributesOf(group), name).toEqual(expect.arrayContaining(attributes));
    }
    const seen = new Set(own.map(({ name }) => name));
    const absent = [...metrics.keys()].filter((name) => !seen.has(name));
    // Nothing is wrong with this run.
    expect(absent).toEqual(['overtone.training.alarms']);
  });
});

describe.skipIf(!hasCollector)('the collector (test/telemetry/fetch-collector.sh)', () => {
  it('accepts the configuration that is deployed', async () => {
    await expect(run(collectorProgram, ['validate', '--config', configuration])).resolves.toBeDefined();
  });

  it('gives Prometheus every metric under the name that dashboards ask for', () => {
    const exported = new Set(Array.from(scraped.matchAll(/^(\w+)[{ ]/gm), ([, name]) => name));
    const expected = Array.from(metrics.values()).flatMap(prometheusNames);
    expect(expected.filter((name) => !exported.has(name))).toEqual(['overtone_training_alarms_total']);
  });
});

describe.skipIf(!hasPrometheus)('Prometheus (test/telemetry/fetch-collector.sh)', () => {
  it('accepts the rules of alerts', async () => {
    const { stdout } = await run(promtoolProgram, ['check', 'rules', join(observability, 'alerts.yaml')]);
    expect(stdout).toContain('SUCCESS');
  });

  it.skipIf(!hasCollector)('answers every query of every dashboard with data', () => {
    const empty = Array.from(queried ?? []).filter(([, results]) => results === 0);
    expect(queried?.size).toBeGreaterThan(30);
    expect(empty.map(([panel]) => panel)).toEqual(['overtone-training.json: Alarms in the time shown']);
  });
});

/** What Prometheus would scrape, once the last export has arrived. */
async function readMetrics({ scrape }: OtlpReceiver): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 2500));
  return (await fetch(`http://${scrape}/metrics`)).text();
}

async function startPrometheus(target: string): Promise<{ child: ChildProcess; address: string }> {
  const address = `127.0.0.1:${await freePort()}`;
  const file = join(folder, 'prometheus.yaml');
  await appendFile(
    file,
    JSON.stringify({
      global: { scrape_interval: '1s' },
      rule_files: [join(observability, 'alerts.yaml')],
      scrape_configs: [{ job_name: 'overtone', honor_labels: true, static_configs: [{ targets: [target] }] }],
    }),
  );
  const child = spawn(
    prometheusProgram,
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'tsdb')}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.once('exit', () => undefined);
  await answers(`http://${address}/-/ready`, child, () => said);
  return { child, address };
}

/** How many series each panel of each dashboard shows. */
async function askDashboards(address: string): Promise<Map<string, number>> {
  const results = new Map<string, number>();
  for (const file of await readdir(join(observability, 'dashboards'))) {
    const { panels } = JSON.parse(await readFile(join(observability, 'dashboards', file), 'utf8')) as {
      panels: { title: string; targets: { expr: string }[] }[];
    };
    for (const { title, targets } of panels)
      for (const { expr } of targets) {
        const query = expr
          .replaceAll('$__rate_interval', '5m')
          .replaceAll('$__range', '1h')
          .replaceAll('$service', '.*');
        const answer = await fetch(
          `http://${address}/api/v1/query?${new URLSearchParams({ query }).toString()}`,
        );
        const { data } = (await answer.json()) as { data: { result: unknown[] } };
        const panel = `${file}: ${title}`;
        results.set(panel, Math.min(results.get(panel) ?? Infinity, data.result.length));
      }
  }
  return results;
}
