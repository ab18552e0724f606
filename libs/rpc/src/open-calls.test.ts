import { setTimeout as delay } from 'node:timers/promises';
import {
  type CompareRequest,
  type CompareResponse,
  JudgeServiceClient,
  JudgeServiceService,
  Outcome,
} from '@overtone/contracts';
import { expect, it } from 'vitest';
import { bidiHandler, connect, mapConcurrent, serve, unaryHandler } from './index.ts';

it('a server that ends answers what it has read of a stream, and leaves the rest to another one', async () => {
  const begun = new Set<string>();
  const judge = async ({ id }: CompareRequest): Promise<CompareResponse> => {
    begun.add(id);
    await delay(100);
    return { id, preferenceFirst: 1, outcome: Outcome.OUTCOME_FIRST, rationale: '', usage: undefined };
  };
  const server = await serve({
    name: 'judge',
    services: [
      {
        definition: JudgeServiceService,
        implementation: {
          describe: unaryHandler(() => ({ name: '', backend: '', fingerprint: '', costBound: undefined })),
          compare: bidiHandler((requests: AsyncIterable<CompareRequest>, { signal }) =>
            mapConcurrent(requests, judge, { limit: 4, signal }),
          ),
        },
      },
    ],
  });
  const client = connect(JudgeServiceClient, server.address, { retries: 0 });
  async function* withoutEnd(): AsyncGenerator<CompareRequest> {
    for (let id = 0; ; id++) {
      yield { id: String(id), question: 'q', first: 'a', second: 'b' };
      await delay(5);
    }
  }
  const answered = new Set<string>();
  const read = async (): Promise<void> => {
    for await (const { id } of client.compare(withoutEnd())) {
      answered.add(id);
      if (answered.size === 6) void server.close(20_000);
    }
  };
  const began = performance.now();
  await expect(read()).rejects.toThrow(/UNAVAILABLE: the server is shutting down/);
  await server.close();
  client.close();
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(answered).toEqual(begun);
});
