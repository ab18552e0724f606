import { JudgeServiceClient, JudgeServiceService } from '@overtone/contracts';
import { connect, serve, unaryHandler, unavailable } from '@overtone/rpc';
import { expect, it } from 'vitest';
import { describeJudge } from './describe-judge.ts';
import { JudgeDown } from './judge-down.ts';

const { signal } = new AbortController();

it('waits for a judge that is down, and says so once, not at every try', async () => {
  let tries = 0;
  const server = await serve({
    name: 'judge',
    services: [
      {
        definition: JudgeServiceService,
        implementation: {
          describe: unaryHandler(() => {
            if (++tries < 3) throw unavailable('not yet');
            return { name: 'late', backend: 'test', fingerprint: 'f' };
          }),
        },
      },
    ],
  });
  const remote = connect(JudgeServiceClient, server.address);
  const said: string[] = [];
  const settings = { backend: 'address' as const, address: server.address };
  const judge = await describeJudge('late', remote, settings, { signal, say: (text) => said.push(text) });
  expect(judge.fingerprint).toBe('f');
  expect(tries).toBe(3);
  expect(said).toEqual([
    expect.stringMatching(/^judge "late" is down \(.*not yet\); waiting for it, at most 1800 s/),
  ]);
  remote.close();
  await server.close();
});

it('gives up after as long as it was told, naming what answered', async () => {
  const address = '127.0.0.1:1';
  const remote = connect(JudgeServiceClient, address);
  const settings = { backend: 'address' as const, address, patienceSeconds: 1 };
  const gone = describeJudge('gone', remote, settings, { signal, say: () => {} });
  await expect(gone).rejects.toThrow(JudgeDown);
  await expect(gone).rejects.toThrow(/no connection: connect ECONNREFUSED 127\.0\.0\.1:1\)/);
  remote.close();
});
