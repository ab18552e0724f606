import { once } from 'node:events';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { type CompareRequest, type CompareResponse, JudgeServiceService } from '@overtone/contracts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bidiHandler, type RunningServer, serve, sleep, unaryHandler } from './index.ts';

vi.stubEnv('OVERTONE_LOG_LEVEL', 'none');

let server: RunningServer;
beforeAll(async () => {
  server = await serve({
    name: 'judge',
    services: [
      {
        definition: JudgeServiceService,
        implementation: {
          describe: unaryHandler(async () => ({ name: 'endless', backend: 'rubric', fingerprint: '' })),
          compare: bidiHandler<CompareRequest, CompareResponse>(async function* () {
            for (let id = 0; ; id++) {
              if (id % 4 === 0) await sleep(1);
              yield {
                id: String(id),
                preferenceFirst: 0.5,
                outcome: 3,
                rationale: 'x'.repeat(500),
                usage: undefined,
              };
            }
          }),
        },
      },
    ],
  });
});
afterAll(async () => {
  await server.close();
  // Other files' tests run in this process too.
  vi.unstubAllEnvs();
});

/** Calls without a gRPC library, which would end the call by itself. Rejects when there is no end within two seconds. */
async function call(
  method: 'Describe' | 'Compare',
  body: Buffer,
  headers: Record<string, string>,
): Promise<IncomingHttpHeaders> {
  const session = connect(`http://${server.address}`);
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/overtone.v1.JudgeService/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    let answered: IncomingHttpHeaders = {};
    const gather = (received: IncomingHttpHeaders): void => {
      answered = { ...answered, ...received };
    };
    stream.on('response', gather).on('trailers', gather).resume().end(body);
    await once(stream, 'close', { signal: AbortSignal.timeout(2000) });
    return answered;
  } finally {
    session.destroy();
  }
}

const frame = (message: Buffer, compressed = 0): Buffer => {
  const head = Buffer.alloc(5);
  head[0] = compressed;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

describe('the end of a call', () => {
  it('comes when the deadline passes in the middle of a stream', async () => {
    const calls = Array.from({ length: 12 }, (_, index) =>
      call('Compare', Buffer.alloc(0), { 'grpc-timeout': `${100 + 7 * index}m` }),
    );
    for (const answered of await Promise.all(calls))
      expect(answered['grpc-status']).toBe(String(status.DEADLINE_EXCEEDED));
  });

  it.each([
    ['cut off', frame(Buffer.from([10, 200])), {}, /no message of this method/],
    [
      'not what its encoding says',
      frame(Buffer.from('no gzip'), 1),
      { 'grpc-encoding': 'gzip' },
      /decompressed/,
    ],
    ['in time for no deadline', frame(Buffer.alloc(0)), { 'grpc-timeout': 'soon' }, /grpc-timeout: expected/],
  ])('blames the caller for a request that is %s', async (_, body, headers, message) => {
    const answered = await call('Describe', body, headers);
    expect(answered['grpc-status']).toBe(String(status.INVALID_ARGUMENT));
    expect(decodeURIComponent(String(answered['grpc-message']))).toMatch(message);
  });
});
