// The services that a run speaks to, and how it outlasts a restart of one.
import {
  EvaluatorServiceClient,
  type GeneratorServiceClient,
  JudgeServiceClient,
  ScorerServiceClient,
  TrainerServiceClient,
} from '@overtone/contracts';
import {
  connect,
  connectGenerator,
  connectReplicas,
  isRestart,
  type Remote,
  type Replicated,
  waitForHealthy,
} from '@overtone/rpc';
import { setTimeout as delay } from 'node:timers/promises';
import { isDiskFull } from './full-disk.ts';

export { isBrokenConnection, isRestart } from '@overtone/rpc';

/** Clients of all services. */
export interface Services {
  readonly generator: Replicated<typeof GeneratorServiceClient.service>;
  readonly scorer: Remote<typeof ScorerServiceClient.service>;
  readonly trainer: Remote<typeof TrainerServiceClient.service>;
  readonly evaluator: Remote<typeof EvaluatorServiceClient.service>;
  /** By the experiment's names. */
  readonly judges: ReadonlyMap<string, Replicated<typeof JudgeServiceClient.service>>;
  /** Closes all connections. */
  close(): void;
}

/** Where the services are: host:port, or a name that stands for several servers, dns:///name:port. */
export interface Addresses {
  readonly generator: string;
  readonly scorer: string;
  readonly trainer: string;
  readonly evaluator: string;
  readonly judges: Readonly<Record<string, string>>;
}

/**
 * Connects to all services; connections open when they are first used.
 *
 * @param streams streams to open at a time to the generator and to each judge. Default: one to each of their replicas.
 */
export function connectServices(addresses: Addresses, streams?: number): Services {
  const spreading = streams === undefined ? {} : { streams };
  const generator = connectGenerator(addresses.generator, spreading);
  const scorer = connect(ScorerServiceClient, addresses.scorer);
  const trainer = connect(TrainerServiceClient, addresses.trainer);
  const evaluator = connect(EvaluatorServiceClient, addresses.evaluator);
  const judges = new Map(
    Object.entries(addresses.judges).map(([name, address]) => [
      name,
      connectReplicas(JudgeServiceClient, address, spreading),
    ]),
  );
  const all = [generator, scorer, trainer, evaluator, ...judges.values()];
  return {
    generator,
    scorer,
    trainer,
    evaluator,
    judges,
    close: () => all.forEach((client) => client.close()),
  };
}

/** How to outlast a restart. */
export interface RetryOptions {
  readonly signal: AbortSignal;
  /** Hears that a service has been away for a while, and that it is back. */
  readonly progress?: { say(text: string): void } | undefined;
  /** Least failures in a row before giving up. Default 6. */
  readonly attempts?: number;
  /** How long to go on without getting any further, milliseconds. Default ten minutes. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 600_000;
const LONGEST_PAUSE_MS = 10_000;
/** A restart that takes less is nothing to speak of. */
const WORTH_SAYING_MS = 15_000;

/**
 * Runs `work`, and again when a service went away in the middle, or has no room on its disk: as soon as all of `remotes` are healthy
 * again. `work` must be free to be repeated. It may call `progressed` to say that it got further than the last time, which
 * makes failures before that count no more.
 */
export async function outlastRestarts<Result>(
  remotes: readonly { readonly address: string }[],
  work: (progressed: () => void) => Promise<Result>,
  { signal, progress, attempts = 6, patienceMs = PATIENCE_MS }: RetryOptions,
): Promise<Result> {
  let failures = 0;
  let since = 0;
  let said = false;
  const progressed = (): void => {
    failures = 0;
    if (said) progress?.say('the services are back: the run goes on');
    said = false;
  };
  for (;;) {
    try {
      const result = await work(progressed);
      progressed();
      return result;
    } catch (error) {
      if (signal.aborted || !(isRestart(error) || isDiskFull(error))) throw error;
      if (failures++ === 0) since = performance.now();
      const away = performance.now() - since;
      if (failures >= attempts && away >= patienceMs) throw error;
      if (!said && (away >= WORTH_SAYING_MS || isDiskFull(error))) {
        said = true;
        progress?.say(
          `${error.message}: the run waits, at most ${Math.ceil((patienceMs - away) / 60_000)} min`,
        );
      }
      await delay(Math.min(100 * 2 ** failures, LONGEST_PAUSE_MS), undefined, { signal });
      for (const { address } of remotes)
        await waitForHealthy(address, { timeoutMs: Math.max(1000, patienceMs - away), signal });
    }
  }
}
