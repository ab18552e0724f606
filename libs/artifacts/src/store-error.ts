// What can be wrong with an artifact store, in words for whoever has to mend it.

/**
 * The kind of a problem, for those who map it to a status code:
 * - `unreachable`: the store does not answer, or not in time; it may in a while;
 * - `denied`: it answers, but not to these credentials;
 * - `settings`: bucket, region, endpoint or credentials are set wrongly, or not at all;
 * - `missing`: an object that is referred to is not there;
 * - `corrupt`: an object's bytes are not those of its name;
 * - `full`: there is no room left, in the store or on the local disk.
 */
export type StoreProblem = 'unreachable' | 'denied' | 'settings' | 'missing' | 'corrupt' | 'full';

const CANONICAL_CODES = {
  unreachable: 'UNAVAILABLE',
  denied: 'FAILED_PRECONDITION',
  settings: 'FAILED_PRECONDITION',
  missing: 'NOT_FOUND',
  corrupt: 'FAILED_PRECONDITION',
  full: 'RESOURCE_EXHAUSTED',
} as const satisfies Record<StoreProblem, string>;

/** An artifact store failed. The message says where, why, and what to do; it never holds a credential. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly problem: StoreProblem;
  /** What the service or the system calls it, for example "NoSuchBucket"; undefined where neither was asked. */
  readonly code: string | undefined;

  constructor(problem: StoreProblem, message: string, options?: ErrorOptions & { readonly code?: string }) {
    super(message, options);
    this.problem = problem;
    this.code = options?.code;
  }
  /** What a service answers with whose store fails so: a name of google.rpc.Code. */
  get codeName(): (typeof CANONICAL_CODES)[StoreProblem] {
    return CANONICAL_CODES[this.problem];
  }
}
