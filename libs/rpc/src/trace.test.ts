import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

// Two processes, since the instrumentation works only in one that was started with `--import`.
const register = import.meta.resolve('@overtone/telemetry/register');
const rpc = import.meta.resolve('./index.ts');

const server = `
  import { JudgeServiceService } from '@overtone/contracts';
  import { withSpan } from '@overtone/telemetry';
  import { bidiHandler, invalidArgument, runService, sleep, unaryHandler } from '${rpc}';
  await runService({
    name: 'judge',
    services: [{
      definition: JudgeServiceService,
      implementation: {
        compare: bidiHandler(async function* (requests) {
          for await (const { id } of requests) {
            await withSpan('verdict', { id }, () => sleep(2));
            yield { id, preferenceFirst: 1, outcome: 1, rationale: '', usage: undefined };
          }
        }),
        describe: unaryHandler(() => { throw invalidArgument('x', 'is wrong'); }),
      },
    }],
  });`;

const client = `
  import { JudgeServiceClient } from '@overtone/contracts';
  import { withSpan } from '@overtone/telemetry';
  import { connect, waitForHealthy } from '${rpc}';
  const [address] = process.argv.slice(1);
  await waitForHealthy(address);
  const judge = connect(JudgeServiceClient, address);
  await withSpan('stage compare', { pairs: 2 }, async () => {
    const requests = ['1', '2'].map((id) => ({ id, question: '', first: '', second: '' }));
    for await (const verdict of judge.compare(requests));
    await judge.describe({}).catch(() => undefined);
  });
  judge.close();`;

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status: { code: number };
  attributes: Record<string, unknown>;
  resource: { 'service.name': string };
}

it('continues the trace of a bidirectional call in the server, down to its own spans', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'overtone-trace-'));
  const processOf = (name: string, program: string) => ({
    args: ['--import', register, '--input-type=module', '-e', program],
    options: {
      cwd: import.meta.dirname,
      env: {
        ...process.env,
        OVERTONE_SERVICE_NAME: name,
        OVERTONE_TRACE_FILE: join(folder, 'traces', `${name}.jsonl`),
      },
    },
  });
  const spansOf = (name: string): Span[] =>
    readFileSync(join(folder, 'traces', `${name}.jsonl`), 'utf8')
      .trim()
      .split('\n')
      .map((line): Span => JSON.parse(line));

  const judge = processOf('judge', server);
  const child = spawn(process.execPath, judge.args, {
    ...judge.options,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await expect.poll(() => output, { timeout: 20_000 }).toContain('\n');
    const listening: { address: string } = JSON.parse(output);
    const caller = processOf('caller', client);
    await promisify(execFile)(process.execPath, [...caller.args, listening.address], caller.options);
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await exited;
  } finally {
    child.kill('SIGKILL');
  }

  const [caller, served] = [spansOf('caller'), spansOf('judge')];
  const find = (spans: Span[], name: string, kind: number): Span => {
    const found = spans.filter((span) => span.name.includes(name) && span.kind === kind);
    expect(found, `${name} of kind ${kind}`).toHaveLength(1);
    return found[0] ?? expect.unreachable();
  };
  const [INTERNAL, SERVER, CLIENT] = [1, 2, 3];
  const stage = find(caller, 'stage compare', INTERNAL);
  const sent = find(caller, 'JudgeService/Compare', CLIENT);
  const received = find(served, 'JudgeService/Compare', SERVER);
  expect(new Set([...caller, ...served].map(({ traceId }) => traceId)).size).toBe(1);
  expect(sent.parentSpanId).toBe(stage.spanId);
  expect(received.parentSpanId).toBe(sent.spanId);
  const verdicts = served.filter(({ name }) => name === 'verdict');
  expect(verdicts.map(({ parentSpanId }) => parentSpanId)).toEqual([received.spanId, received.spanId]);
  expect(verdicts.map(({ attributes }) => attributes.id)).toEqual(['1', '2']);
  expect(received.resource['service.name']).toBe('judge');
  expect(BigInt(received.endTimeUnixNano)).toBeGreaterThan(BigInt(received.startTimeUnixNano));
  // By the conventions for gRPC a wrong request is the client's failure alone.
  for (const [spans, kind, failed] of [
    [caller, CLIENT, 2],
    [served, SERVER, 0],
  ] as const) {
    const described = find([...spans], 'Describe', kind);
    expect(described.status.code).toBe(failed);
    expect(described.attributes).toMatchObject({
      'rpc.system.name': 'grpc',
      'rpc.method': 'overtone.v1.JudgeService/Describe',
      'rpc.status_code': 'INVALID_ARGUMENT',
    });
  }
  expect([...caller, ...served].filter(({ name }) => name.includes('Health'))).toEqual([]);
});
