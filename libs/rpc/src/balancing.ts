// Balancing: an address may stand for several servers, over which a client spreads its calls by itself, one after another. What
// the addresses of a name are is asked again when a connection ends, so that replicas may come and go.
import type { ChannelOptions } from '@grpc/grpc-js';

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/;

/**
 * Whether an address reaches this machine only: "127.0.0.1:50051", "localhost:0", "[::1]:0", "unix:/path",
 * "dns:///localhost:50051"; of a list, "ipv4:127.0.0.1:1,127.0.0.1:2", every member must.
 */
export function isLoopback(address: string): boolean {
  if (/^unix(-abstract)?:/.test(address)) return true;
  // A name that some other DNS server resolves ("dns://10.0.0.1/localhost:1") may be anything.
  const hosts = address.replace(/^(dns|ipv4|ipv6):(\/\/\/)?/, '').split(',');
  return hosts.every((host) => LOOPBACK.test(host));
}

/** Whether an address may stand for several servers: "dns:///name:port", "ipv4:10.0.0.1:50051,10.0.0.2:50051", "ipv6:[…]:1,…". */
export function isBalanced(address: string): boolean {
  return /^(dns|ipv4|ipv6):/.test(address);
}

/** Options of a channel to `address`: round robin over everything it stands for, or the first address that answers. */
export function balancingOptions(address: string): ChannelOptions {
  return {
    // No TXT look-ups: what the servers are is the address's business, how to call them the client's.
    'grpc.service_config_disable_resolution': 1,
    // A dead replica's successor is looked for soon, yet a name server is not asked in a loop.
    'grpc.dns_min_time_between_resolutions_ms': 2000,
    ...(isBalanced(address)
      ? { 'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }) }
      : {}),
  };
}
