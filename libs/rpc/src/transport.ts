// Transport: which connections are encrypted, and the limits that client and server share. Plain text is the default between
// processes of one machine and nowhere else: beyond loopback one names certificates, or says aloud that the network is trusted.
import { type ChannelOptions, ChannelCredentials, experimental, ServerCredentials } from '@grpc/grpc-js';
import { balancingOptions, isLoopback } from './balancing.ts';
import { Certificates, type TlsFiles } from './certificates.ts';
import { numberFromEnvironment } from './environment-number.ts';

/** How a connection is secured. */
export interface TransportSecurity {
  /** Certificates; without any, loopback is plain and everything else is refused (server) or uses the system's authorities (client). */
  tls?: TlsFiles;
  /** Plain text beyond loopback where no certificates are named, for networks that encrypt by themselves. Default false. Env OVERTONE_INSECURE=1. */
  insecure?: boolean;
}

/** Largest message either way: a request with thousands of problems fits, a data set belongs into the artifact store. */
export const DEFAULT_MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** The largest message of this process in bytes. Env OVERTONE_MAX_MESSAGE_BYTES, default 64 MiB. */
export function maxMessageBytesFromEnvironment(env: NodeJS.ProcessEnv = process.env): number {
  const range = { least: 1024, unit: 'bytes' };
  return numberFromEnvironment(env, 'OVERTONE_MAX_MESSAGE_BYTES', range) ?? DEFAULT_MAX_MESSAGE_BYTES;
}

/** Reads the security of this process from its environment. */
export function securityFromEnvironment(env: NodeJS.ProcessEnv = process.env): TransportSecurity {
  const [cert, key, ca] = [env.OVERTONE_TLS_CERT, env.OVERTONE_TLS_KEY, env.OVERTONE_TLS_CA].map(
    (file) => file || undefined,
  );
  return {
    ...(cert || key || ca ? { tls: { cert, key, ca } } : {}),
    insecure: env.OVERTONE_INSECURE === '1',
  };
}

/** Whether a server with this security asks its clients for certificates. */
export function asksForCertificates({ tls }: TransportSecurity): boolean {
  return tls?.cert !== undefined && tls.key !== undefined && tls.ca !== undefined;
}

/**
 * Credentials to listen with. With authorities (`tls.ca`), clients without a certificate from them are turned away, unless
 * `certificateOptional`. Throws when an address beyond loopback has neither certificates nor `insecure`.
 */
export function serverCredentials(
  address: string,
  { tls, insecure }: TransportSecurity,
  certificateOptional = false,
): ServerCredentials {
  if (tls?.cert !== undefined && tls.key !== undefined) {
    const certificates = Certificates.of(tls);
    return experimental.createCertificateProviderServerCredentials(
      certificates,
      tls.ca === undefined ? null : certificates,
      !certificateOptional,
    );
  }
  // Authorities alone are what the process needs as a client of others.
  const clientOnly = tls?.cert === undefined && tls?.key === undefined;
  if (tls !== undefined && !clientOnly) throw new Error(`TLS of ${address}: ${PAIR}`);
  if (isLoopback(address) || insecure === true) return ServerCredentials.createInsecure();
  if (tls !== undefined) throw new Error(`TLS of ${address}: ${PAIR}`);
  throw new Error(
    `${address} is reachable from other machines and has no TLS: set OVERTONE_TLS_CERT and OVERTONE_TLS_KEY, ` +
      'or OVERTONE_INSECURE=1 where the network itself is trusted',
  );
}

const PAIR = 'a server needs both a certificate and its key (OVERTONE_TLS_CERT, OVERTONE_TLS_KEY)';

/** Credentials to connect with. Throws when a file cannot be used, or a certificate comes without its key. */
export function clientCredentials(address: string, { tls, insecure }: TransportSecurity): ChannelCredentials {
  if (tls === undefined)
    return insecure === true || isLoopback(address)
      ? ChannelCredentials.createInsecure()
      : ChannelCredentials.createSsl();
  const { cert, key, ca } = tls;
  if ((cert === undefined) !== (key === undefined))
    throw new Error(
      `TLS of ${address}: a certificate and its key come together (OVERTONE_TLS_CERT, OVERTONE_TLS_KEY)`,
    );
  if (cert === undefined && ca === undefined) return ChannelCredentials.createSsl();
  const certificates = Certificates.of(tls);
  return experimental.createCertificateProviderChannelCredentials(
    certificates,
    cert === undefined ? null : certificates,
  );
}

// A peer that vanished without closing its connection (a node that lost its power, a partition) is noticed within a minute; one that
// computes for so long without looking at its connections would be taken for dead, too. Servers of other makes may allow fewer pings
// and end the connection with "too_many_pings"; grpc-js then doubles its interval.
const KEEPALIVE_MS = 20_000;
const KEEPALIVE_TIMEOUT_MS = 30_000;
// Peers on the same machine do not vanish, but may wait long for a processor.
const LOCAL_KEEPALIVE_MS = 60_000;

/**
 * Options of every channel to, and every server at, `address`. Env OVERTONE_KEEPALIVE_MS: time between pings, default 20 000, on
 * loopback 60 000.
 */
export function channelOptions(
  address: string,
  maxMessageBytes: number,
  env: NodeJS.ProcessEnv = process.env,
): ChannelOptions {
  const local = isLoopback(address);
  const range = { least: 1000, unit: 'milliseconds' };
  const interval = numberFromEnvironment(env, 'OVERTONE_KEEPALIVE_MS', range);
  return {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.keepalive_time_ms': interval ?? (local ? LOCAL_KEEPALIVE_MS : KEEPALIVE_MS),
    'grpc.keepalive_timeout_ms': local ? LOCAL_KEEPALIVE_MS : KEEPALIVE_TIMEOUT_MS,
  };
}

/** Options of a client's channel to `address`. */
export function clientChannelOptions(address: string, maxMessageBytes: number): ChannelOptions {
  return {
    ...channelOptions(address, maxMessageBytes),
    ...balancingOptions(address),
    // grpc-js would otherwise accept up to a mebibyte of requests that the peer has not taken, in order to retry by itself.
    'grpc.enable_retries': 0,
    'grpc.per_rpc_retry_buffer_size': 0,
    // A local service that is just starting is found at once.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 5000,
    'grpc.enable_http_proxy': 0,
  };
}
