// What every server and client of Overtone shares: health, reflection, deadlines, retries, validation, flow control, TLS, drain.
export { connect } from './remote.ts';
export type { CallOptions, ConnectOptions, Remote, RemoteMethods } from './remote.ts';
export { waitForHealthy } from './health.ts';
export type { HealthOptions } from './health.ts';
export { serve } from './server.ts';
export type { RunningServer, ServedService, ServeOptions } from './server.ts';
export { runService } from './service-process.ts';
export type { ServiceProcessOptions } from './service-process.ts';
export { bidiHandler, clientStreamHandler, serverStreamHandler, unaryHandler } from './handlers.ts';
export type { CallContext } from './handlers.ts';
export {
  alreadyExists,
  failedPrecondition,
  invalidArgument,
  notFound,
  resourceExhausted,
  RpcError,
  toStatus,
  unavailable,
} from './error.ts';
export { checkField, checkUniqueIds, requiredField } from './validation.ts';
export { mapConcurrent } from './map-concurrent.ts';
export type { ConcurrencyOptions } from './map-concurrent.ts';
export { abortable, sleep } from './abort.ts';
export { isLoopback, securityFromEnvironment } from './transport.ts';
export type { TlsFiles, TransportSecurity } from './transport.ts';
export { defaultRetryPolicy } from './retry.ts';
export type { RetryPolicy } from './retry.ts';
