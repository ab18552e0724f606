// Replicas: the servers that stand behind one address, each reached over a connection of its own. A long stream stays with the server
// that it was opened to; whoever has much to ask opens one stream to each replica and deals the work out among them.
import type { ChannelOptions } from '@grpc/grpc-js';
import { lookup } from 'node:dns/promises';
import { isBalanced } from './balancing.ts';
import { unavailable } from './error.ts';
import { connect, type ConnectOptions, type Remote } from './remote.ts';

/** A connected service, and its replicas one by one. */
export type Replicated<Service> = Remote<Service> & {
  /**
   * One connection for every stream that is best open at a time, as the address resolves now: the same objects as before for what
   * was there before. The service itself where its address can stand for one server only.
   */
  replicas(): Promise<readonly Remote<Service>[]>;
};

/** Options of a connection to replicas. */
export interface ReplicatedOptions extends ConnectOptions {
  /** Streams to open at a time; replicas take turns. Default: one to each server that the address stands for. */
  streams?: number;
}

/** The servers that an address stands for: host:port each. @throws RpcError UNAVAILABLE when its name cannot be resolved. */
export async function endpointsOf(address: string): Promise<string[]> {
  const [, list] = /^ipv[46]:(?:\/\/\/)?(.+)$/.exec(address) ?? [];
  if (list !== undefined) return list.split(',');
  const { host, port } = readName(address) ?? {};
  if (host === undefined || port === undefined) return [address];
  const found = await lookup(host, { all: true }).catch((error: unknown) => {
    throw unavailable(`${address}: ${error instanceof Error ? error.message : String(error)}`);
  });
  // Names of a cluster often have both families: one of them reaches every server.
  const family = found.some((entry) => entry.family === 4) ? 4 : 6;
  const hosts = new Set(found.flatMap((entry) => (entry.family === family ? [entry.address] : [])));
  return [...hosts].sort().map((ip) => `${family === 6 ? `[${ip}]` : ip}:${port}`);
}

/** What is to be resolved: "dns:///judge:50051". */
function readName(address: string): { host: string; port: string } | undefined {
  const [, host, port] = /^dns:(?:\/\/\/)?([^/:]+):(\d+)$/.exec(address) ?? [];
  return host === undefined || port === undefined ? undefined : { host, port };
}

/** Options of a connection to one replica: shared with nobody, and to a server whose certificate is for the name. */
function laneOptions(address: string): ChannelOptions {
  const name = readName(address)?.host;
  return {
    'grpc.use_local_subchannel_pool': 1,
    ...(name === undefined ? {} : { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name }),
  };
}

/** Connects lazily to the service at `address`, whose replicas can also be reached one by one. */
export function connectReplicas<Service extends object>(
  client: { service: Service },
  address: string,
  { streams, ...options }: ReplicatedOptions = {},
): Replicated<Service> {
  const whole = connect(client, address, options);
  const lanes = new Map<string, Remote<Service>>();
  const lane = (endpoint: string, number: number): Remote<Service> => {
    const key = `${number} ${endpoint}`;
    const known = lanes.get(key);
    if (known !== undefined) return known;
    const opened = connect(client, endpoint, {
      ...options,
      channel: { ...options.channel, ...laneOptions(address) },
    });
    lanes.set(key, opened);
    return opened;
  };
  return {
    ...whole,
    close: () => {
      whole.close();
      for (const each of lanes.values()) each.close();
    },
    replicas: async () => {
      const endpoints = await endpointsOf(address);
      const count = streams ?? endpoints.length;
      if (count <= 1 && !isBalanced(address)) return [whole];
      return Array.from({ length: count }, (_, index) => {
        const endpoint = endpoints[index % endpoints.length] ?? address;
        return lane(endpoint, Math.floor(index / endpoints.length));
      });
    },
  };
}
