// A deployment: the five services as processes, each on a host of its own, with small disks, and an API that judges for money. What an
// experiment needs, and what faults befall.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { JudgeApi } from '../../libs/judging/src/openai/judge-api.fixture.ts';
import { Disk } from './disk.fixture.ts';
import { HostedService } from './hosted-service.fixture.ts';
import { Link, type Place } from './link.fixture.ts';
import type { Network } from './network.fixture.ts';

/** The services; judging is done by the model itself, and by an API that is paid. */
export const SERVICES = ['generator', 'judge', 'scorer', 'trainer', 'evaluator'] as const;
export type Service = (typeof SERVICES)[number];

/** The processes of a deployment. */
export const PROCESSES = ['generator', 'judge-self', 'judge-paid', 'scorer', 'trainer', 'evaluator'] as const;
export type Process = (typeof PROCESSES)[number];

/** A process, or the second one of two that do the same. */
export type Replica = Process | `${Process}-b`;

/** All replicas of a process, where there are two. */
export function replicasOf(name: Process): readonly Replica[] {
  return [name, `${name}-b`];
}

/** The processes that a service consists of. */
export function processesOf(service: Service): readonly Process[] {
  return service === 'judge' ? ['judge-paid', 'judge-self'] : [service];
}

/** Requests that the judge has under way at the API, at most. */
export const JUDGE_CONCURRENCY = 4;
const MODEL = fileURLToPath(new URL('../../libs/miniature/model', import.meta.url));
const PORT = 50051;
const LINK_PORT = 51000;
const API_PORT = 8000;

const REGISTER = ['--import', import.meta.resolve('@overtone/telemetry/register')];
// V8's young generation grows to 128 MiB over tens of thousands of calls, and stays there: that would hide what grows without an end.
const WATCH = [
  '--expose-gc',
  '--max-semi-space-size=4',
  '--import',
  new URL('vitals.fixture.ts', import.meta.url).href,
];

/** How to deploy. */
export interface DeploymentOptions {
  /** A folder for all that is left behind. */
  readonly folder: string;
  /** Whether services write traces, onto their own disks. Default no. */
  readonly traced?: boolean;
  /** Whether services write down how much they use (see vitals.fixture.ts), beside their logs. Default no. */
  readonly watched?: boolean;
  /** After how long a silent peer is asked whether it lives, and again as long until it is given up, milliseconds. Default 20 s, and 10 s. */
  readonly keepaliveMs?: number | undefined;
  /** Size of each disk. Default "48m". */
  readonly diskSize?: string;
  /** Whose second replicas are started too, over which their callers spread what they ask. Default none. */
  readonly replicated?: readonly Process[];
  /** Whether services are reached through links that can be made slow. Default no: directly. */
  readonly linked?: boolean;
}

/** Addresses by process. */
export type HostAddresses = ReadonlyMap<Replica, string>;

/** Puts the hosts of a deployment into a network, once for all deployments in it. */
export function addHosts(network: Network): HostAddresses {
  return new Map(PROCESSES.flatMap(replicasOf).map((name) => [name, network.add(name)]));
}

/** What judges for money; it outlives deployments. */
export async function startApi(network: Network): Promise<JudgeApi> {
  const api = new JudgeApi({ delayMs: 40 });
  const url = new URL(await api.start());
  await Link.open({ host: network.here, port: API_PORT }, { host: url.hostname, port: Number(url.port) });
  return api;
}

/** A deployment. */
export class Deployment {
  readonly services: ReadonlyMap<Replica, HostedService>;
  /** What everybody reaches a service through; empty where it is reached directly. */
  readonly links: ReadonlyMap<Process, Link>;
  /** Where artifacts lie, and by process what it writes itself. */
  readonly disks: ReadonlyMap<Replica | 'artifacts', Disk>;
  /** The experiment. */
  readonly file: string;
  /** The trainer's state. */
  readonly trainerState: string;
  /** The environment of a pipeline. */
  readonly pipeline: Readonly<Record<string, string>>;

  readonly #experiment: (seed: number) => string;

  private constructor(
    parts: Pick<Deployment, 'services' | 'links' | 'disks' | 'trainerState' | 'pipeline'> & {
      readonly folder: string;
    },
    experimentOf: (seed: number) => string,
  ) {
    this.#experiment = experimentOf;
    this.services = parts.services;
    this.links = parts.links;
    this.disks = parts.disks;
    this.file = join(parts.folder, 'experiment.yaml');
    this.trainerState = parts.trainerState;
    this.pipeline = parts.pipeline;
  }

  /** Starts all services. */
  static async start(
    network: Network,
    hosts: HostAddresses,
    {
      folder,
      traced = false,
      watched = false,
      diskSize = '48m',
      linked = false,
      replicated = [],
      keepaliveMs,
    }: DeploymentOptions,
  ): Promise<Deployment> {
    const keepalive: Record<string, string> =
      keepaliveMs === undefined ? {} : { OVERTONE_KEEPALIVE_MS: String(keepaliveMs) };
    mkdirSync(folder, { recursive: true });
    const links = new Map<Process, Link>();
    const disks = new Map<Replica | 'artifacts', Disk>([
      ['artifacts', new Disk(join(folder, 'artifacts'), diskSize)],
    ]);
    const services = new Map<Replica, HostedService>();
    const artifacts = pathToFileURL(join(folder, 'artifacts')).href;
    const placeOf = (name: Replica): Place => ({ host: hosts.get(name) ?? '', port: PORT });
    const linkOf = (name: Process): Place => ({
      host: network.here,
      port: LINK_PORT + PROCESSES.indexOf(name),
    });
    const reached = (name: Process): string => {
      const { host, port } = linked ? linkOf(name) : placeOf(name);
      if (!replicated.includes(name)) return `${host}:${port}`;
      return `ipv4:${host}:${port},${placeOf(`${name}-b`).host}:${PORT}`;
    };
    if (linked) for (const name of PROCESSES) links.set(name, await Link.open(linkOf(name), placeOf(name)));
    const started = PROCESSES.flatMap((name) =>
      (replicated.includes(name) ? replicasOf(name) : [name]).map((replica) => [name, replica] as const),
    );
    for (const [name, replica] of started) {
      const disk = new Disk(join(folder, replica), diskSize);
      disks.set(replica, disk);
      const service = new HostedService({
        program: name.replace(/-.*/, ''),
        address: `${placeOf(replica).host}:${PORT}`,
        before: network.on(replica),
        log: join(folder, `${replica}.log`),
        node: [...(traced ? REGISTER : []), ...(watched ? WATCH : [])],
        environment: {
          ...keepalive,
          // As in the images.
          MALLOC_ARENA_MAX: '2',
          ...(watched ? { OVERTONE_VITALS: join(folder, `${replica}.vitals.jsonl`) } : {}),
          OVERTONE_SERVICE_NAME: replica,
          OVERTONE_ARTIFACTS: artifacts,
          OVERTONE_STATE: disk.path,
          TMPDIR: disk.path,
          OVERTONE_DRAIN_MS: '5000',
          ...(traced ? { OVERTONE_TRACE_FILE: join(disk.path, 'trace.jsonl') } : {}),
          ...settingsOf(name, network.here, reached('generator')),
        },
      });
      services.set(replica, service);
    }
    await Promise.all(
      [...services.values()].map(async (service) => {
        await service.start();
        await service.healthy();
      }),
    );
    const trainerState = join(folder, 'trainer');
    const deployment = new Deployment(
      { services, links, disks, trainerState, folder, pipeline: keepalive },
      (seed) => experiment(reached, artifacts, seed),
    );
    deployment.write(1);
    return deployment;
  }

  /** Writes the experiment with another seed of everything. */
  write(seed: number): void {
    writeFileSync(this.file, this.#experiment(seed));
  }

  /** Ends all services, and takes their disks away. */
  async stop(): Promise<void> {
    await Promise.all([...this.services.values()].map((service) => service.end('SIGKILL')));
    await Promise.all([...this.links.values()].map((link) => link.close()));
    for (const disk of this.disks.values()) disk.remove();
  }
}

function settingsOf(name: Process, here: string, generator: string): Record<string, string> {
  switch (name) {
    case 'generator':
      // As little for keys and values as will do: what a soak sees grow is not a cache that fills.
      return {
        OVERTONE_MODEL: MODEL,
        OVERTONE_WORKERS: '1',
        OVERTONE_THREADS: '1',
        OVERTONE_KV_CACHE: '64MiB',
      };
    case 'judge-self':
      return {
        OVERTONE_JUDGE: 'generator',
        OVERTONE_GENERATOR: generator,
        OVERTONE_JUDGE_TEMPLATE: 'miniature',
      };
    case 'judge-paid':
      return {
        OVERTONE_JUDGE: 'openai',
        OVERTONE_JUDGE_BASE_URL: `http://${here}:${API_PORT}/v1`,
        OVERTONE_JUDGE_CONCURRENCY: String(JUDGE_CONCURRENCY),
        OVERTONE_JUDGE_ALLOW_PRIVATE: '1',
      };
    case 'trainer':
      return { OVERTONE_THREADS: '1', OVERTONE_CHECKPOINT_SECONDS: '0', OVERTONE_CHECKPOINT_STEPS: '2' };
    case 'evaluator':
      return { OVERTONE_GENERATOR: generator };
    case 'scorer':
      return {};
  }
}

function experiment(reached: (name: Process) => string, artifacts: string, seed: number): string {
  return `
name: faults
model: ${MODEL}
engine: { threads: 1 }
task:
  kind: chain-sum
  train: { seed: ${10 * seed}, count: 16, terms: [2, 3], max: 9, nonNegative: true }
  easy: { seed: ${10 * seed + 1}, count: 4, terms: [2, 3], max: 9, nonNegative: true }
  hard: { seed: ${10 * seed + 2}, count: 8, terms: [6, 7], max: 20, nonNegative: true }
sampling: { samples: 4, maxNewTokens: 96, seed: ${seed}, chunk: 8 }
judges:
  self: { backend: address, address: '${reached('judge-self')}' }
  paid: { backend: address, address: '${reached('judge-paid')}' }
audit: { judge: paid }
signals:
  entropy: { method: inverse-entropy }
  self-judge: { method: bradley-terry, judge: self }
  paid-judge: { method: bradley-terry, judge: paid }
objectives:
  sft: { type: sft, steps: 24, groupsPerStep: 4, optimizer: { learningRate: 5.0e-4 } }
  dpo: { type: dpo, steps: 12, groupsPerStep: 4, optimizer: { learningRate: 3.0e-4 } }
arms:
  - { signal: paid-judge, objective: sft }
  - { signal: self-judge, objective: dpo }
evaluation: { samples: 4, maxNewTokens: 96, seed: 2 }
services:
  generator: '${reached('generator')}'
  scorer: '${reached('scorer')}'
  trainer: '${reached('trainer')}'
  evaluator: '${reached('evaluator')}'
  artifacts: '${artifacts}'
`;
}
