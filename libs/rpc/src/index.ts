// What every server and client of Overtone shares: health, reflection, deadlines, retries, validation, flow control, TLS, drain.
export { connect } from './remote.ts';
export type { CallOptions, ConnectOptions, Remote, RemoteMethods } from './remote.ts';
export { connectReplicas, endpointsOf } from './replicas.ts';
export type { Replicated, ReplicatedOptions } from './replicas.ts';
export { connectGenerator } from './generators.ts';
export { spread } from './spread.ts';
export type { SpreadOptions } from './spread.ts';
export { workOnReplicas } from './work-on-replicas.ts';
export { isNext, Load } from './load.ts';
export { isBrokenConnection, isRestart } from './restart.ts';
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
  overloaded,
  resourceExhausted,
  RpcError,
  toStatus,
  unavailable,
} from './error.ts';
export { checkField, checkUniqueIds, requiredField } from './validation.ts';
export { checkConversation, checkSampling } from './sampling-request.ts';
export { mapConcurrent } from './map-concurrent.ts';
export type { ConcurrencyOptions } from './map-concurrent.ts';
export { abortable, sleep, until } from './abort.ts';
export { isBalanced, isLoopback } from './balancing.ts';
export { securityFromEnvironment } from './transport.ts';
export type { TransportSecurity } from './transport.ts';
export type { TlsFiles } from './certificates.ts';
export type { AccessOptions } from './access-control.ts';
export { defaultLimits } from './call-limits.ts';
export type { LimitOptions } from './call-limits.ts';
export { numberFromEnvironment } from './environment-number.ts';
export { defaultRetryPolicy, isShed } from './retry.ts';
export type { RetryPolicy } from './retry.ts';
