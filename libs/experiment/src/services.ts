// The services that a run speaks to, and how it outlasts a restart of one.
import {
  EvaluatorServiceClient,
  GeneratorServiceClient,
  JudgeServiceClient,
  ScorerServiceClient,
  TrainerServiceClient,
} from '@overtone/contracts';
import { connect, type Remote, RpcError, waitForHealthy } from '@overtone/rpc';
import { setTimeout as delay } from 'node:timers/promises';

/** Clients of all services. */
export interface Services {
  readonly generator: Remote<typeof GeneratorServiceClient.service>;
  readonly scorer: Remote<typeof ScorerServiceClient.service>;
  readonly trainer: Remote<typeof TrainerServiceClient.service>;
  readonly evaluator: Remote<typeof EvaluatorServiceClient.service>;
  /** By the experiment's names. */
  readonly judges: ReadonlyMap<string, Remote<typeof JudgeServiceClient.service>>;
  /** Closes all connections. */
  close(): void;
}

/** Where the services are: host:port. */
export interface Addresses {
  readonly generator: string;
  readonly scorer: string;
  readonly trainer: string;
  readonly evaluator: string;
  readonly judges: Readonly<Record<string, string>>;
}

/** Connects to all services; connections open when they are first used. */
export function connectServices(addresses: Addresses): Services {
  const generator = connect(GeneratorServiceClient, addresses.generator);
  const scorer = connect(ScorerServiceClient, addresses.scorer);
  const trainer = connect(TrainerServiceClient, addresses.trainer);
  const evaluator = connect(EvaluatorServiceClient, addresses.evaluator);
  const judges = new Map(
    Object.entries(addresses.judges).map(([name, address]) => [name, connect(JudgeServiceClient, address)]),
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
  /** Failures in a row before giving up. Default 6. */
  readonly attempts?: number;
  /** How long to wait for the service to be healthy again. Default two minutes. */
  readonly recoveryMs?: number;
}

/**
 * Runs `work`, and again when a service went away in the middle: as soon as all of `remotes` are healthy again.
 * `work` must be free to be repeated. It may call `progressed` to say that it got further than the last time, which
 * makes failures before that count no more.
 */
export async function outlastRestarts<Result>(
  remotes: readonly { readonly address: string }[],
  work: (progressed: () => void) => Promise<Result>,
  { signal, attempts = 6, recoveryMs = 120_000 }: RetryOptions,
): Promise<Result> {
  let failures = 0;
  for (;;) {
    try {
      return await work(() => (failures = 0));
    } catch (error) {
      if (signal.aborted || !isRestart(error) || ++failures >= attempts) throw error;
      await delay(Math.min(100 * 2 ** failures, 2_000), undefined, { signal });
      for (const { address } of remotes) await waitForHealthy(address, { timeoutMs: recoveryMs, signal });
    }
  }
}

/** Whether an error is what a client sees of a server that died or drains. */
export function isRestart(error: unknown): boolean {
  if (!(error instanceof RpcError)) return false;
  if (error.codeName === 'UNAVAILABLE') return true;
  return (error.codeName === 'INTERNAL' || error.codeName === 'CANCELLED') && isBrokenConnection(error);
}

/** Whether an error says that a connection broke, not that a server answered. */
export function isBrokenConnection(error: unknown): boolean {
  const lost =
    /RST_STREAM|ECONNRESET|EPIPE|ECONNREFUSED|GOAWAY|socket hang up|connection (was )?(closed|dropped|lost)/i;
  return error instanceof RpcError && lost.test(error.message);
}
