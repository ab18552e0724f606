// Opens a session with a judge: its log beside the artifacts, and its budget less what the run has spent.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CostBound } from '@overtone/contracts';
import { comparisonsInFlight, type Judge, patienceOf } from '../config/judge.ts';
import { outlastFullDisk } from '../full-disk.ts';
import { InputError } from '../input-error.ts';
import type { RunContext } from '../run-context.ts';
import { Budget } from './budget.ts';
import { JudgeSession, type JudgeSessionOptions } from './judge-session.ts';
import { VerdictLog } from './verdict-log.ts';

/** A judge, by its name in the experiment. */
export interface NamedJudge {
  readonly name: string;
  readonly remote: JudgeSessionOptions['remote'];
  /** What determines its verdicts. */
  readonly fingerprint: string;
  /** The most that a comparison can cost, where it says so. */
  readonly costBound: CostBound | undefined;
  /** What the experiment says of it. */
  readonly settings: Judge;
}

/** What a session needs to know of the run. */
export type SessionContext = Pick<RunContext, 'store' | 'signal' | 'runId' | 'state'> & {
  readonly progress: Pick<RunContext['progress'], 'say'>;
};

/** An open session and its log. */
export interface OpenSession {
  readonly session: JudgeSession;
  readonly log: VerdictLog;
  close(): Promise<void>;
}

/** Opens a judge's verdict log: beside the artifacts, for all runs that share them, or with the run where those lie in no folder. */
export function openLog(
  { store, runId = 'run', state }: Pick<SessionContext, 'store' | 'runId' | 'state'>,
  fingerprint: string,
): Promise<VerdictLog> {
  // A fingerprint of somebody else's may be anything.
  const name = fingerprint.replaceAll(/[^\w.-]/g, '_').slice(0, 120);
  const beside = store.uri.startsWith('file:') ? fileURLToPath(store.uri) : state;
  if (beside === undefined)
    throw new Error(`verdicts cannot be appended to in ${store.uri}: a folder for the run's state is needed`);
  return VerdictLog.open(join(beside, 'verdicts', `${name}.jsonl`), runId);
}

/** Opens a session. @throws InputError when a budget cannot be kept with this judge. */
export async function openSession(context: SessionContext, judge: NamedJudge): Promise<OpenSession> {
  const { name, remote, fingerprint, costBound, settings } = judge;
  const { budget: limits } = settings;
  if ((limits?.tokens !== undefined || limits?.currency !== undefined) && costBound === undefined)
    throw new InputError(
      `judges.${name}.budget: judge "${name}" does not say how many tokens a comparison can cost (cost_bound in its description), so only a budget in calls can be kept; give budget.calls`,
    );
  const log = await outlastFullDisk(() => openLog(context, fingerprint), context);
  // What a killed sitting had asked for may have been answered, and paid.
  const spent = log.unsettled.reduce(
    (sum, { bound }) => ({
      calls: sum.calls + 1,
      promptTokens: sum.promptTokens + bound.promptTokens,
      completionTokens: sum.completionTokens + bound.completionTokens,
    }),
    { ...log.spent },
  );
  const session = new JudgeSession({
    name,
    remote,
    fingerprint,
    costBound,
    log,
    budget: limits === undefined ? undefined : new Budget(limits, spent),
    inFlight: comparisonsInFlight(settings),
    patienceMs: patienceOf(settings),
    signal: context.signal,
    say: (text) => context.progress.say(text),
  });
  return {
    session,
    log,
    close: async () => {
      await session.close();
      log.close();
    },
  };
}
