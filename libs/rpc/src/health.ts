// Health from the client's side: waiting until a server says that it serves.
import { Client, status } from '@grpc/grpc-js';
import { service as health } from 'grpc-health-check';
import { sleep } from './abort.ts';
import { type CallPlan, unary } from './calls.ts';
import { RpcError } from './error.ts';
import { defaultRetryPolicy } from './retry.ts';
import {
  clientChannelOptions,
  clientCredentials,
  maxMessageBytesFromEnvironment,
  securityFromEnvironment,
  type TransportSecurity,
} from './transport.ts';

/** How to wait. */
export interface HealthOptions extends TransportSecurity {
  /** Most time to wait. Default 30 000 ms. */
  timeoutMs?: number;
  /** Ends the wait, which then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Full name of the service to ask for, for example "overtone.v1.JudgeService". Default: the server as a whole. */
  service?: string;
}

const PAUSE_MS = 50;
const CHECK_TIMEOUT_MS = 2000;

/**
 * Resolves when the server at `address`, or one of the servers that it stands for, answers grpc.health.v1 with SERVING. Rejects with
 * DEADLINE_EXCEEDED after `timeoutMs`, naming what the last check said, and at once when the server has no health service or does not
 * know the service asked for.
 */
export async function waitForHealthy(address: string, options: HealthOptions = {}): Promise<void> {
  const { timeoutMs = 30_000, signal, service = '' } = options;
  const secured =
    options.tls === undefined && options.insecure === undefined ? securityFromEnvironment() : options;
  const client = new Client(
    address,
    clientCredentials(address, secured),
    clientChannelOptions(address, maxMessageBytesFromEnvironment()),
  );
  const deadline = Date.now() + timeoutMs;
  const retry = { ...defaultRetryPolicy, retries: 0 };
  const plan = { client, address, retry, signal, metadata: undefined };
  let last: string | undefined;
  try {
    for (;;) {
      const left = deadline - Date.now();
      const checkMs = Math.max(1, Math.min(CHECK_TIMEOUT_MS, left));
      const said = await check(service, { ...plan, timeoutMs: checkMs });
      if (said === 'SERVING') return;
      // A check that the end of the wait has cut off says less than the one before.
      if (last === undefined || left >= CHECK_TIMEOUT_MS || !/DEADLINE_EXCEEDED/.test(said)) last = said;
      if (deadline - Date.now() < PAUSE_MS) {
        const what = service === '' ? address : `${service} at ${address}`;
        throw new RpcError(
          status.DEADLINE_EXCEEDED,
          `${what} was not healthy within ${timeoutMs} ms: ${last}`,
        );
      }
      await sleep(PAUSE_MS, signal);
    }
  } finally {
    client.close();
  }
}

/** "SERVING", or what is the matter. */
async function check(service: string, plan: CallPlan): Promise<string> {
  const method = health.Check;
  if (method === undefined)
    throw new TypeError('grpc-health-check no longer describes grpc.health.v1.Health/Check');
  try {
    const answer: object = await unary<object, object>(method, { service }, plan);
    return 'status' in answer ? String(answer.status) : 'an answer without status';
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    if (error.code === status.UNIMPLEMENTED || error.code === status.NOT_FOUND) throw error;
    return error.message;
  }
}
