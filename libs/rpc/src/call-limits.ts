// Limits: how many calls a server works on at once, and how many a second it accepts from one caller. What is beyond them is
// refused at once, before its first message is read, with a hint when to come back: a server with too much to do stays as fast, and
// as small, as one with enough.
import { ServerInterceptingCall, type ServerInterceptor, ServerListenerBuilder, status } from '@grpc/grpc-js';
import { ResponderBuilder } from '@grpc/grpc-js';
import { callerOf } from './access-control.ts';
import { numberFromEnvironment } from './environment-number.ts';
import { pushbackTrailer } from './error.ts';
import { TokenBuckets } from './token-buckets.ts';

/** How much a server takes on. */
export interface LimitOptions {
  /** Most calls at once; 0: no limit. Default 256. Env OVERTONE_MAX_CALLS. */
  maxCalls?: number;
  /** Most calls a second from one caller (identity, else host), as many at once after a pause; 0: no limit. Default 1000. Env OVERTONE_MAX_CALLS_PER_SECOND. */
  maxCallsPerSecond?: number;
  /** Most calls at once on one connection: beyond it, a client's calls wait at the client. Default 256. Env OVERTONE_MAX_STREAMS. */
  maxStreams?: number;
  /** Most connections at once; 0: no limit. Default 1000. Env OVERTONE_MAX_CONNECTIONS. */
  maxConnections?: number;
}

export const defaultLimits: Required<LimitOptions> = {
  maxCalls: 256,
  maxCallsPerSecond: 1000,
  maxStreams: 256,
  maxConnections: 1000,
};

/** Reads the limits from the environment; what is not set there is left out. */
export function limitsFromEnvironment(env: NodeJS.ProcessEnv = process.env): LimitOptions {
  const read = (name: string, least: number, unit = 'calls'): number | undefined =>
    numberFromEnvironment(env, name, { least, unit });
  const [maxCalls, maxCallsPerSecond] = [
    read('OVERTONE_MAX_CALLS', 0),
    read('OVERTONE_MAX_CALLS_PER_SECOND', 0),
  ];
  const maxStreams = read('OVERTONE_MAX_STREAMS', 1);
  const maxConnections = read('OVERTONE_MAX_CONNECTIONS', 0, 'connections');
  return {
    ...(maxCalls === undefined ? {} : { maxCalls }),
    ...(maxCallsPerSecond === undefined ? {} : { maxCallsPerSecond }),
    ...(maxStreams === undefined ? {} : { maxStreams }),
    ...(maxConnections === undefined ? {} : { maxConnections }),
  };
}

// Health and reflection have shares of their own, which neither take from the service's nor are taken by it; and whoever watches the
// health for hours does not keep others from asking for it.
const INFRASTRUCTURE_CALLS = 64;

// A place becomes free when some call ends, which nobody can foresee; to ask four times a second costs next to nothing.
const BUSY_PUSHBACK_MS = 250;

/** Refuses what is beyond the limits with RESOURCE_EXHAUSTED. Stands behind access control, which tells it who calls. */
export function callLimits({ maxCalls, maxCallsPerSecond }: LimitOptions = {}): ServerInterceptor {
  const most = maxCalls ?? defaultLimits.maxCalls;
  const service = new Places(most > 0 ? most : Infinity);
  const checks = new Places(INFRASTRUCTURE_CALLS);
  const watchers = new Places(INFRASTRUCTURE_CALLS);
  const rate = maxCallsPerSecond ?? defaultLimits.maxCallsPerSecond;
  const buckets = rate > 0 ? new TokenBuckets(rate) : undefined;

  return ({ path, responseStream }, call) => {
    const own = !path.startsWith('/grpc.');
    const places = own ? service : responseStream ? watchers : checks;
    let taken = false;
    const release = (): void => {
      if (taken) places.free += 1;
      taken = false;
    };
    const refuse = (why: string, pushbackMs: number): void => {
      call.sendStatus({
        code: status.RESOURCE_EXHAUSTED,
        details: `the server is busy: ${why}`,
        metadata: pushbackTrailer(pushbackMs),
      });
    };
    return new ServerInterceptingCall(
      call,
      new ResponderBuilder()
        .withStart((next) =>
          next(
            new ServerListenerBuilder()
              .withOnReceiveMetadata((metadata, proceed) => {
                if (places.free < 1)
                  return refuse('it works on as many calls as it may at once', BUSY_PUSHBACK_MS);
                const caller = callerOf(metadata)?.key ?? call.getPeer();
                const wait = own ? (buckets?.take(caller) ?? 0) : 0;
                if (wait > 0) return refuse('this caller has made too many calls within a second', wait);
                taken = true;
                places.free -= 1;
                proceed(metadata);
              })
              .withOnCancel(release)
              .build(),
          ),
        )
        .withSendStatus((answer, next) => {
          release();
          next(answer);
        })
        .build(),
    );
  };
}

class Places {
  free: number;

  constructor(most: number) {
    this.free = most;
  }
}
