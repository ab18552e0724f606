// What a session with a judge works with: the judge, its log, its budget, and how patient to be.
import type { CostBound } from '@overtone/contracts';
import type { Budget } from './budget.ts';
import type { JudgeReplica } from './judge-lane.ts';
import type { VerdictLog } from './verdict-log.ts';

/** What a session works with. */
export interface JudgeSessionOptions {
  /** The judge's name in messages. */
  readonly name: string;
  /** The judge; with `replicas`, one stream is opened to each of those. */
  readonly remote: JudgeReplica & { replicas?(): Promise<readonly JudgeReplica[]> };
  /** What determines its verdicts. */
  readonly fingerprint: string;
  /** The most that a comparison can cost, where the judge says so. */
  readonly costBound: CostBound | undefined;
  readonly log: VerdictLog;
  /** Undefined: without limit. */
  readonly budget: Budget | undefined;
  /** Most comparisons sent to a replica and not yet answered. */
  readonly inFlight: number;
  /** How long to wait for a judge that is down, milliseconds. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** Hears that the judge is down, and that it is back. */
  readonly say: (text: string) => void;
  /** Longest wait for the next answer while there are comparisons in flight, milliseconds. Default 15 minutes. */
  readonly stallMs?: number;
  /** First pause after a failure, milliseconds; it doubles up to 30 s. Default 500. */
  readonly pauseMs?: number;
}
