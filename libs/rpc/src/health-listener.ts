// A second, plain-text listener that answers nothing but grpc.health.v1: for probes that have no certificate, such as a kubelet's.
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { HealthImplementation } from 'grpc-health-check';
import { callLimits } from './call-limits.ts';
import { type Listener, listen } from './listener.ts';
import { channelOptions } from './transport.ts';

// A request is the name of a service.
const MAX_REQUEST_BYTES = 4096;
const MAX_STREAMS = 16;
const MAX_CONNECTIONS = 64;

/** Answers for `health` on `address`, beside the server itself; its end is at once. Throws when the address is taken or malformed. */
export async function listenForHealthChecks(
  address: string,
  health: HealthImplementation,
): Promise<Listener> {
  const server = new Server({
    ...channelOptions(address, MAX_REQUEST_BYTES),
    'grpc.max_concurrent_streams': MAX_STREAMS,
    interceptors: [callLimits()],
  });
  health.addToServer(server);
  const door = await listen(server, address, ServerCredentials.createInsecure(), MAX_CONNECTIONS);
  return {
    address: door.address,
    close: () => {
      server.forceShutdown();
      return door.close();
    },
  };
}
