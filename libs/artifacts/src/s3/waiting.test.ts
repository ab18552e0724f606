import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { PatientRetries, pauseAfter } from './patient-retries.ts';
import { SharedWork } from './shared-work.ts';
import { Turns } from './turns.ts';

it('turns: no more at a time than there are places, and who leaves takes none', async () => {
  const turns = new Turns(2);
  let now = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    now += 1;
    most = Math.max(most, now);
    await delay(5);
    now -= 1;
  };
  const leaving = new AbortController();
  const all = Array.from({ length: 6 }, () => turns.take(work));
  const left = turns.take(work, leaving.signal);
  leaving.abort(new Error('left'));
  await expect(left).rejects.toThrow('left');
  await Promise.all(all);
  await expect(turns.take(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  await Promise.all([turns.take(work), turns.take(work)]);
  expect(most).toBe(2);
});

it('shared work: done once for all who wait, and ended when the last of them leaves', async () => {
  const shared = new SharedWork<number>();
  let begun = 0;
  let ended = false;
  const work = (signal: AbortSignal): Promise<number> => {
    begun += 1;
    return delay(20, begun, { signal }).catch((error: unknown) => {
      ended = true;
      throw error;
    });
  };
  const leaving = new AbortController();
  const leaver = shared.join('a', work, leaving.signal);
  const stayer = shared.join('a', work);
  leaving.abort(new Error('left'));
  await expect(leaver).rejects.toThrow('left');
  expect(await stayer).toBe(1);
  expect(ended).toBe(false);
  const alone = new AbortController();
  const last = shared.join('a', work, alone.signal);
  alone.abort(new Error('left'));
  await expect(last).rejects.toThrow('left');
  await delay(1);
  expect([begun, ended]).toEqual([2, true]);
});

it('retries: pauses grow to five seconds, until patience is over, and never for what is the caller’s fault', async () => {
  expect([0, 1, 3, 30].map((tries) => pauseAfter(tries, 1))).toEqual([100, 200, 800, 5000]);
  const retries = new PatientRetries(
    () => 60_000,
    () => {},
  );
  let token = await retries.acquireInitialRetryToken();
  for (let tries = 1; tries <= 9; tries += 1) {
    token = await retries.refreshRetryTokenForRetry(token, { errorType: 'TRANSIENT' });
    expect(token.getRetryCount()).toBe(tries);
  }
  await expect(retries.refreshRetryTokenForRetry(token, { errorType: 'CLIENT_ERROR' })).rejects.toThrow();
  const impatient = new PatientRetries(
    () => 0,
    () => {},
  );
  token = await impatient.acquireInitialRetryToken();
  token = await impatient.refreshRetryTokenForRetry(token, { errorType: 'TRANSIENT' });
  token = await impatient.refreshRetryTokenForRetry(token, { errorType: 'TRANSIENT' });
  await expect(impatient.refreshRetryTokenForRetry(token, { errorType: 'TRANSIENT' })).rejects.toThrow();
});
