// Asks a judge who it is, and waits for one that is down.
import type { JudgeServiceClient } from '@overtone/contracts';
import { type Remote, RpcError, sleep } from '@overtone/rpc';
import { type Judge, patienceOf } from '../config/judge.ts';
import { isRestart } from '../services.ts';
import { JudgeDown } from './judge-down.ts';
import type { NamedJudge } from './open-session.ts';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** How often it is said that a judge is still down. */
const REMINDER_MS = 60_000;

/**
 * The judge of that name.
 *
 * @throws JudgeDown when it stays down; RpcError when it cannot judge: a wrong key, or a model that is not there.
 */
export async function describeJudge(
  name: string,
  remote: Remote<typeof JudgeServiceClient.service> & NamedJudge['remote'],
  settings: Judge,
  { signal, say }: { readonly signal: AbortSignal; readonly say: (text: string) => void },
): Promise<NamedJudge> {
  const since = performance.now();
  let said = { reason: '', at: 0 };
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      const { fingerprint, costBound } = await remote.describe({}, { signal, retries: 0 });
      return { name, remote, fingerprint, costBound, settings };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RpcError) || !(error.codeName === 'DEADLINE_EXCEEDED' || isRestart(error)))
        throw error;
      const left = patienceOf(settings) - (performance.now() - since);
      if (left <= 0)
        throw new JudgeDown(
          `judge "${name}" has been down for ${patienceOf(settings) / 1000} s (${error.message}); the same command continues`,
          { cause: error },
        );
      if (error.message !== said.reason || performance.now() - said.at >= REMINDER_MS) {
        said = { reason: error.message, at: performance.now() };
        say(
          `judge "${name}" is down (${error.message}); waiting for it, at most ${Math.ceil(left / 1000)} s (patienceSeconds)`,
        );
      }
      await sleep(Math.min(pause, left), signal);
    }
  }
}
