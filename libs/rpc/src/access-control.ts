// Access control: every call is made by somebody, who may be known and may be allowed to make it. What a refusal says is the same
// for all reasons; the server's log has the reason.
import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import { ResponderBuilder } from '@grpc/grpc-js';
import { logger } from '@overtone/telemetry';
import { anonymousCaller, type Caller, callerWithCertificate, callerWithToken } from './identity.ts';
import { bearerToken, CallerTokens } from './tokens.ts';

/** Who may call a server. */
export interface AccessOptions {
  /** A folder with one file per caller: its name the identity, its content the token. Env OVERTONE_TOKENS. */
  tokens?: string;
  /**
   * Identities that may call ("experiment", or a whole "spiffe://…" name). Default: everybody who has proved an identity, or
   * everybody at all where neither tokens nor client certificates are asked for. Env OVERTONE_ALLOW, separated by commas.
   */
  allow?: readonly string[];
}

/** Reads who may call from the environment. */
export function accessFromEnvironment(env: NodeJS.ProcessEnv = process.env): AccessOptions {
  const allow = (env.OVERTONE_ALLOW ?? '').split(',').map((identity) => identity.trim());
  const named = allow.filter((identity) => identity !== '');
  return {
    ...(env.OVERTONE_TOKENS ? { tokens: env.OVERTONE_TOKENS } : {}),
    ...(named.length > 0 ? { allow: named } : {}),
  };
}

/** Whether the server can be asked for this by anybody: load balancers and kubelets have no identity. */
export function isHealthCheck(path: string): boolean {
  return path.startsWith('/grpc.health.v1.Health/');
}

const callers = new WeakMap<Metadata, Caller>();

/** Who made the call with this metadata; undefined before the call was admitted. */
export function callerOf(metadata: Metadata): Caller | undefined {
  return callers.get(metadata);
}

const UNAUTHENTICATED = {
  code: status.UNAUTHENTICATED,
  details: 'the call carries no valid credentials (a client certificate or a bearer token)',
};
const FORBIDDEN = { code: status.PERMISSION_DENIED, details: 'the caller may not call this service' };

/**
 * Ends calls of callers that are unknown or not allowed, before their first message is read. `certificates`: whether the connection
 * asks for client certificates. Throws when the tokens cannot be read, or identities are allowed that nobody could prove.
 */
export function accessControl(
  name: string,
  { tokens: folder, allow }: AccessOptions,
  certificates: boolean,
): ServerInterceptor {
  const tokens = folder === undefined ? undefined : new CallerTokens(folder);
  const closed = tokens !== undefined || certificates;
  if (allow !== undefined && !closed)
    throw new Error(
      `only ${allow.join(', ')} may call (OVERTONE_ALLOW), but no caller can prove who it is: ` +
        'set OVERTONE_TLS_CA (client certificates) or OVERTONE_TOKENS (bearer tokens)',
    );
  const allowed = allow && new Set(allow);
  const report = refusalReporter(name);

  const judge = (
    call: ServerInterceptingCallInterface,
    metadata: Metadata,
  ): Caller | typeof UNAUTHENTICATED => {
    const [header] = metadata.get('authorization');
    // Nobody behind this line has any use for it, and nothing can leak what it does not have.
    metadata.remove('authorization');
    if (tokens !== undefined && header !== undefined) {
      // Whoever shows a token wants to be known by it: a wrong one is not overlooked because of a certificate.
      const identity = tokens.identityOf(bearerToken(String(header)) ?? '');
      return identity === undefined ? UNAUTHENTICATED : callerWithToken(identity);
    }
    return callerWithCertificate(call.getAuthContext()) ?? anonymousCaller(call.getPeer());
  };

  return (method, call) =>
    new ServerInterceptingCall(
      call,
      new ResponderBuilder()
        .withStart((next) =>
          next(
            new ServerListenerBuilder()
              .withOnReceiveMetadata((metadata, proceed) => {
                const caller = judge(call, metadata);
                const open = isHealthCheck(method.path);
                if ('code' in caller || (closed && !caller.authenticated)) {
                  if (!open) {
                    report('credentials', method.path, call.getPeer(), undefined);
                    call.sendStatus(UNAUTHENTICATED);
                    return;
                  }
                } else if (!open && allowed !== undefined && !mayCall(caller, allowed)) {
                  report('identity', method.path, call.getPeer(), caller.identity);
                  call.sendStatus(FORBIDDEN);
                  return;
                }
                callers.set(metadata, 'code' in caller ? anonymousCaller(call.getPeer()) : caller);
                proceed(metadata);
              })
              .build(),
          ),
        )
        .build(),
    );
}

function mayCall({ identity, uri }: Caller, allowed: ReadonlySet<string>): boolean {
  return (identity !== undefined && allowed.has(identity)) || (uri !== undefined && allowed.has(uri));
}

const REPORT_EVERY_MS = 10_000;

type Report = (
  reason: 'credentials' | 'identity',
  method: string,
  peer: string,
  identity: string | undefined,
) => void;

/** Logs refusals, at most one line in ten seconds: whoever is refused must not fill the disk. */
function refusalReporter(name: string): Report {
  let quietUntil = 0;
  let since = 0;
  return (reason, method, peer, identity) => {
    since += 1;
    if (performance.now() < quietUntil) return;
    quietUntil = performance.now() + REPORT_EVERY_MS;
    logger(name).warn('calls were refused', { reason, method, peer, identity, calls: since });
    since = 0;
  };
}
