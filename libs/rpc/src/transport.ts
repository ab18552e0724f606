// Transport: which connections are encrypted, and the limits that client and server share. Plain text is the default between
// processes of one machine and nowhere else: beyond loopback one names certificates, or says aloud that the network is trusted.
import { readFileSync } from 'node:fs';
import { type ChannelOptions, ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';

/** PEM files, each an absolute path. */
export interface TlsFiles {
  /** Own certificate chain; a server must have one, a client only where the server asks for it. Env OVERTONE_TLS_CERT. */
  cert?: string;
  /** The private key of `cert`. Env OVERTONE_TLS_KEY. */
  key?: string;
  /** Authorities that the other side's certificate must come from. On a server this demands client certificates. Env OVERTONE_TLS_CA. */
  ca?: string;
}

/** How a connection is secured. */
export interface TransportSecurity {
  /** Certificates; without any, loopback is plain and everything else is refused (server) or uses the system's authorities (client). */
  tls?: TlsFiles;
  /** Plain text beyond loopback, for networks that encrypt by themselves. Default false. Env OVERTONE_INSECURE=1. */
  insecure?: boolean;
}

/** Largest message either way: a request with thousands of problems fits, a data set belongs into the artifact store. */
export const DEFAULT_MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** Reads the security of this process from its environment. */
export function securityFromEnvironment(env: NodeJS.ProcessEnv = process.env): TransportSecurity {
  const { OVERTONE_TLS_CERT: cert, OVERTONE_TLS_KEY: key, OVERTONE_TLS_CA: ca } = env;
  return {
    ...(cert || key || ca ? { tls: { cert, key, ca } } : {}),
    insecure: env.OVERTONE_INSECURE === '1',
  };
}

/** Whether an address reaches this machine only: "127.0.0.1:50051", "localhost:0", "[::1]:0", "unix:/path". */
export function isLoopback(address: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(address) || address.startsWith('unix:');
}

/** Credentials to listen with. Throws when an address beyond loopback has neither certificates nor `insecure`. */
export function serverCredentials(address: string, { tls, insecure }: TransportSecurity): ServerCredentials {
  if (tls?.cert !== undefined && tls.key !== undefined) {
    const pair = {
      cert_chain: readPem(tls.cert, 'certificate'),
      private_key: readPem(tls.key, 'private key'),
    };
    const authorities = tls.ca === undefined ? null : readPem(tls.ca, 'authorities');
    return ServerCredentials.createSsl(authorities, [pair], authorities !== null);
  }
  if (tls !== undefined) {
    throw new Error(
      `TLS of ${address}: a server needs both a certificate and its key (OVERTONE_TLS_CERT, OVERTONE_TLS_KEY)`,
    );
  }
  if (isLoopback(address) || insecure === true) return ServerCredentials.createInsecure();
  throw new Error(
    `${address} is reachable from other machines and has no TLS: set OVERTONE_TLS_CERT and OVERTONE_TLS_KEY, ` +
      'or OVERTONE_INSECURE=1 where the network itself is trusted',
  );
}

/** Credentials to connect with. */
export function clientCredentials(address: string, { tls, insecure }: TransportSecurity): ChannelCredentials {
  if (insecure === true || (tls === undefined && isLoopback(address)))
    return ChannelCredentials.createInsecure();
  const authorities = tls?.ca === undefined ? null : readPem(tls.ca, 'authorities');
  if (tls?.cert === undefined || tls.key === undefined) return ChannelCredentials.createSsl(authorities);
  return ChannelCredentials.createSsl(
    authorities,
    readPem(tls.key, 'private key'),
    readPem(tls.cert, 'certificate'),
  );
}

function readPem(file: string, what: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`TLS ${what}: cannot read ${file}`, { cause: error });
  }
}

/** Options of every channel and server. */
export function channelOptions(maxMessageBytes: number): ChannelOptions {
  return {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    // A peer that vanished without closing its connection is noticed within two minutes.
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 60_000,
  };
}

/** Options of a client's channel. */
export function clientChannelOptions(maxMessageBytes: number): ChannelOptions {
  return {
    ...channelOptions(maxMessageBytes),
    // grpc-js would otherwise accept up to a mebibyte of requests that the peer has not taken, in order to retry by itself.
    'grpc.enable_retries': 0,
    'grpc.per_rpc_retry_buffer_size': 0,
    // A local service that is just starting is found at once.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 5000,
    'grpc.enable_http_proxy': 0,
  };
}
