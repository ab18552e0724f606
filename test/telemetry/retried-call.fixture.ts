// A process that is a server and its client: a call that is refused once and then answered, one that fails, one that its client gives up and
// one that takes too long.
import { once } from 'node:events';
import { type DescribeResponse, JudgeServiceClient, JudgeServiceService } from '@overtone/contracts';
import { bidiHandler, connect, invalidArgument, serve, unaryHandler, unavailable } from '@overtone/rpc';
import { logger, shutdownTelemetry, withSpan } from '@overtone/telemetry';

let asked = 0;
const server = await serve({
  name: 'flaky',
  services: [
    {
      definition: JudgeServiceService,
      implementation: {
        describe: unaryHandler((): DescribeResponse => {
          if (asked++ === 0) throw unavailable('not yet');
          return { name: 'flaky', backend: 'test', fingerprint: '', costBound: undefined };
        }),
        compare: bidiHandler(async function* (requests, { signal }) {
          for await (const { id } of requests) if (id === 'hang') await once(signal, 'abort');
          logger('flaky').error('about to fail');
          yield* [];
          throw invalidArgument('id', 'must not be empty');
        }),
      },
    },
  ],
});
const judge = connect(JudgeServiceClient, server.address, { retry: { initialDelayMs: 1 } });
await withSpan('overtone.run', { 'overtone.experiment': 'flaky' }, async () => {
  await judge.describe({});
  try {
    for await (const verdict of judge.compare([])) throw new Error(`nobody expected ${verdict.id}`);
  } catch {
    // It was to fail.
  }
  for (const limit of [{ signal: AbortSignal.timeout(200) }, { timeoutMs: 200 }]) {
    const hanging = judge.compare([{ id: 'hang', question: '', first: '', second: '' }], limit);
    await hanging.next().catch(() => undefined);
  }
});
judge.close();
await server.close();
await shutdownTelemetry();
