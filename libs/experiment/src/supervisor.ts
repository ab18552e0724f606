// The supervisor: starts the services that an experiment does not find elsewhere, and keeps them running.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitForHealthy } from '@overtone/rpc';
import { engineEnvironment } from './config/engine.ts';
import { generatorEnvironment } from './config/generator.ts';
import { judgeEnvironment } from './config/judge.ts';
import type { Experiment } from './config/load.ts';
import { ServiceProcess } from './service-process.ts';
import type { Addresses } from './services.ts';

/** The five services. */
export type ServiceName = 'generator' | 'judge' | 'scorer' | 'trainer' | 'evaluator';

/** Where services put what they leave behind, and whom they tell. */
export interface SupervisorOptions {
  /** Folder for one trace file per service; absent: no trace files. */
  readonly traces?: string;
  /** Folder for one log file per service; absent: no log files. */
  readonly logs?: string;
  /** Counts services: those that are being started, and those that have. */
  readonly counter?: { expect(services: number): void; advance(services: number): void };
  /** Hears of restarts. */
  readonly say?: (text: string) => void;
  /** Hears that a service is beyond help. */
  readonly onFailure?: (error: Error) => void;
  readonly signal?: AbortSignal;
  /** The program of a service. Default `services/<name>/src/main.ts` of this repository. */
  readonly program?: (service: ServiceName) => string;
}

const servicesFolder = fileURLToPath(new URL('../../../services/', import.meta.url));

/** Starts, restarts and stops services. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #processes: ServiceProcess[] = [];
  /** Ends what still waits for a service that is not going to be there. */
  readonly #stopping = new AbortController();

  constructor(options: SupervisorOptions = {}) {
    this.#options = options;
  }

  /** The running services' process ids by name. */
  get pids(): Record<string, number> {
    return Object.fromEntries(
      this.#processes.flatMap(({ name, pid }) => (pid === undefined ? [] : [[name, pid] as const])),
    );
  }

  /**
   * Starts a service and waits until it is healthy.
   *
   * @param name its name in messages, logs and traces; several judges have several names.
   * @returns its address.
   * @throws Error when it does not come up, and when the services are stopped before it has.
   */
  async start(
    service: ServiceName,
    environment: Readonly<Record<string, string>>,
    name: string = service,
  ): Promise<string> {
    const { traces, logs, counter, say, onFailure, signal: outer, program } = this.#options;
    const { signal: stopping } = this.#stopping;
    const signal = outer === undefined ? stopping : AbortSignal.any([outer, stopping]);
    signal.throwIfAborted();
    counter?.expect(1);
    const started = new ServiceProcess({
      name,
      program: program?.(service) ?? join(servicesFolder, service, 'src', 'main.ts'),
      imports: [import.meta.resolve('@overtone/telemetry/register')],
      environment: {
        OVERTONE_SERVICE_NAME: name,
        OVERTONE_TRACE_FILE: traces === undefined ? '' : join(traces, `${name}.jsonl`),
        // Who wants to call them by hand says so: it takes time to start.
        OVERTONE_REFLECTION: process.env['OVERTONE_REFLECTION'] ?? '0',
        ...environment,
      },
      ...(logs === undefined ? {} : { logFile: join(logs, `${name}.log`) }),
      onRestart: (reason) => say?.(`service ${name} died (${reason}); starting it again`),
      ...(onFailure === undefined ? {} : { onFailure }),
    });
    this.#processes.push(started);
    const address = await started.start();
    // A service that listens may be told to stop before it is healthy: without the signal, that would be waited for in vain.
    await waitForHealthy(address, { timeoutMs: 120_000, signal });
    counter?.advance(1);
    return address;
  }

  /** Stops all services, also those that are still starting; none can be started afterwards. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the services have been stopped'));
    await Promise.all(this.#processes.splice(0).map((process) => process.stop()));
  }
}

/** What the services of a run share. */
export interface SharedPlaces {
  /** URI of the artifact store. */
  readonly artifacts: string;
  /** Folder for the trainer's jobs. */
  readonly trainerState: string;
}

/** Starts every service that the experiment does not say is running elsewhere. */
export async function startServices(
  supervisor: Supervisor,
  experiment: Experiment,
  { artifacts, trainerState }: SharedPlaces,
): Promise<Addresses> {
  const { services, judges } = experiment;
  const shared = { OVERTONE_ARTIFACTS: artifacts };
  const computing = { ...shared, ...engineEnvironment(experiment) };
  const generating = startGenerator(supervisor, experiment, artifacts);
  const independent = Promise.all([
    services.scorer ?? supervisor.start('scorer', shared),
    services.trainer ?? supervisor.start('trainer', { ...computing, OVERTONE_STATE: trainerState }),
  ]);
  independent.catch(() => {});
  // Whichever fails first ends the start; a generator with a large model is long in coming.
  await Promise.race([generating, independent.then(() => generating)]);
  const generator = await generating;
  const needing = { ...shared, OVERTONE_GENERATOR: generator };
  const judging = Object.entries(judges).map(async ([name, judge]): Promise<[string, string]> => {
    if (judge.backend === 'address') return [name, judge.address];
    const environment = { ...needing, ...judgeEnvironment(name, judge) };
    return [name, await supervisor.start('judge', environment, `judge-${name.replaceAll(/[^\w-]/g, '-')}`)];
  });
  const [evaluator, [scorer, trainer], judgeAddresses] = await Promise.all([
    startEvaluator(supervisor, experiment, needing),
    independent,
    Promise.all(judging),
  ]);
  return { generator, scorer, trainer, evaluator, judges: Object.fromEntries(judgeAddresses) };
}

async function startGenerator(supervisor: Supervisor, experiment: Experiment, artifacts: string) {
  return (
    experiment.services.generator ??
    supervisor.start('generator', {
      OVERTONE_ARTIFACTS: artifacts,
      ...engineEnvironment(experiment),
      ...generatorEnvironment(experiment),
    })
  );
}

async function startEvaluator(
  supervisor: Supervisor,
  { services, task }: Experiment,
  needing: Readonly<Record<string, string>>,
) {
  return (
    services.evaluator ??
    supervisor.start('evaluator', {
      ...needing,
      ...(task.verifier === undefined ? {} : { OVERTONE_VERIFIER: task.verifier }),
    })
  );
}
