// Receivers of OTLP for tests: the OpenTelemetry Collector with our own configuration where it has been built (fetch-collector.sh), and a
// small one of the tests' own, which takes OTLP in JSON, where it has not.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type OtlpMessage, readTelemetry, type Telemetry } from './telemetry.fixture.ts';

/** Takes telemetry. */
export interface OtlpReceiver {
  /** What processes that send to it need in their environment. */
  readonly environment: NodeJS.ProcessEnv;
  /** Where Prometheus finds the metrics: host:port; undefined where nothing is offered to it. */
  readonly scrape: string | undefined;
  /** Ends it; what it has received. */
  stop(): Promise<Telemetry>;
}

const built = fileURLToPath(new URL('../../.cache/overtone/collector/', import.meta.url));
/** The collector's program, Prometheus and its tool, where they are. */
export const collectorProgram = join(built, 'overtone-collector');
export const prometheusProgram = join(built, 'prometheus');
export const promtoolProgram = join(built, 'promtool');
export const hasCollector = existsSync(collectorProgram);
export const hasPrometheus = existsSync(prometheusProgram) && existsSync(promtoolProgram);

/** The configuration that is deployed. */
export const configuration = fileURLToPath(
  new URL('../../infra/observability/collector.yaml', import.meta.url),
);

/** A free port of the loopback interface. */
export async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts the collector with the deployed configuration; only addresses are others, and everything goes to files in `folder`. */
export async function startCollector(folder: string): Promise<OtlpReceiver> {
  const [grpc, http, health, metrics, own] = await Promise.all(Array.from({ length: 5 }, freePort));
  const overlay = join(folder, 'collector-test.yaml');
  const file = (name: string): string => join(folder, `${name}.jsonl`);
  const settings = {
    extensions: { health_check: { endpoint: `127.0.0.1:${health}` } },
    receivers: {
      otlp: {
        protocols: {
          grpc: { endpoint: `127.0.0.1:${grpc}` },
          http: { endpoint: `127.0.0.1:${http}` },
        },
      },
    },
    exporters: {
      prometheus: { endpoint: `127.0.0.1:${metrics}` },
      'file/traces': { path: file('traces') },
      'file/metrics': { path: file('metrics') },
      'file/logs': { path: file('logs') },
    },
    service: {
      telemetry: {
        metrics: { readers: [{ pull: { exporter: { prometheus: { host: '127.0.0.1', port: own } } } }] },
      },
      pipelines: {
        traces: { exporters: ['file/traces'] },
        metrics: { exporters: ['prometheus', 'file/metrics'] },
        logs: { exporters: ['file/logs'] },
      },
    },
  };
  // YAML takes JSON.
  await writeFile(overlay, JSON.stringify(settings));
  const child = spawn(collectorProgram, ['--config', configuration, '--config', overlay], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  await answers(`http://127.0.0.1:${health}/`, child, () => said);
  return {
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${http}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    },
    scrape: `127.0.0.1:${metrics}`,
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      const messages: OtlpMessage[] = [];
      for (const name of ['traces', 'metrics', 'logs'])
        for (const line of (await readFile(file(name), 'utf8')).split('\n'))
          if (line !== '') messages.push(JSON.parse(line) as OtlpMessage);
      return readTelemetry(messages);
    },
  };
}

/** Waits until a program answers over HTTP. @throws when it has ended before. */
export async function answers(url: string, child: ChildProcess, said: () => string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (child.exitCode !== null) throw new Error(`it ended: ${said().slice(-2000)}`);
    const answered = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (answered) return;
    await delay(100);
  }
  throw new Error(`${url} does not answer: ${said().slice(-2000)}`);
}

/** Starts the small receiver. */
export async function startReceiver(): Promise<OtlpReceiver> {
  const messages: OtlpMessage[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      messages.push(JSON.parse(Buffer.concat(chunks).toString()) as OtlpMessage);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    },
    scrape: undefined,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      return readTelemetry(messages);
    },
  };
}
