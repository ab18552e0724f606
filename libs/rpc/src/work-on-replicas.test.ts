import { expect, it } from 'vitest';
import { sleep } from './abort.ts';
import { workOnReplicas } from './work-on-replicas.ts';

const signal = new AbortController().signal;

it('gives replicas that come later a worker, and tells the others when theirs is gone', async () => {
  const [first, second] = [{ name: 'first' }, { name: 'second' }];
  let present: { name: string }[] = [first];
  const worked: string[] = [];
  await workOnReplicas(
    async () => present,
    async ({ name }, isPresent) => {
      worked.push(name);
      if (name === 'first') present = [second];
      while (name === 'first' && isPresent()) await sleep(1);
    },
    { signal, refreshMs: 5 },
  );
  expect(worked).toEqual(['first', 'second']);
});

it('goes on with those it knows while a name cannot be resolved', async () => {
  let asked = 0;
  const only = {};
  await workOnReplicas(
    async () => {
      if (asked++ > 0) throw new Error('no name server');
      return [only];
    },
    async () => {
      while (asked < 3) await sleep(1);
    },
    { signal, refreshMs: 2 },
  );
  expect(asked).toBeGreaterThanOrEqual(3);
});

it('ends all of them with the first error', async () => {
  const stopped: unknown[] = [];
  const working = workOnReplicas(
    async () => [{ fails: true }, { fails: false }],
    async ({ fails }, _, stop) => {
      if (fails) throw new Error('broken');
      await sleep(60_000, stop).catch((reason: unknown) => stopped.push(reason));
    },
    { signal },
  );
  await expect(working).rejects.toThrow('broken');
  expect(stopped).toHaveLength(1);
});
