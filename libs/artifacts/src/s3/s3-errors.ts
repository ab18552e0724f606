// What an S3-compatible service, its SDK or the network says is wrong, in words that name the setting to look at. The SDK's own errors go
// no further: they carry requests, with signatures and tokens in them.
import { StoreError, type StoreProblem } from '../store-error.ts';
import { redact } from './redact.ts';
import type { S3Address } from './s3-address.ts';
import type { S3Settings } from './s3-settings.ts';

/** What errors are told with. */
export interface S3Place {
  readonly address: S3Address;
  readonly settings: S3Settings;
}

/** What is known of an error of the SDK. */
interface Failure {
  /** For example "NoSuchBucket", or "ECONNREFUSED". */
  readonly code: string;
  readonly status: number | undefined;
  readonly message: string;
}

const CREDENTIALS =
  'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the files of AWS_SHARED_CREDENTIALS_FILE or AWS_WEB_IDENTITY_TOKEN_FILE';
/** What the SDK calls an error that has no name of its own. */
const UNNAMED = /^(?:NotFound|Forbidden|BadRequest|Unknown|UnknownError|\d+)$/;
const FULL = /QuotaExceeded|StorageFull|InsufficientStorage|EntityTooLarge/i;
const UNKNOWN_KEY = [
  'InvalidAccessKeyId',
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  // The Versity Gateway's name for it.
  'XAdminUserNotFound',
];
const EXPIRED = ['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired', 'ExpiredTokenError'];
const NETWORK = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'TimeoutError',
  'NetworkingError',
];

/** Whether other credentials may help: a mounted file may have been renewed. */
export function concernsCredentials(error: unknown): boolean {
  const { code } = failureOf(error);
  return [...UNKNOWN_KEY, ...EXPIRED, 'SignatureDoesNotMatch', 'InvalidToken'].includes(code);
}

/** Whether an error says that there is no such object, rather than no such bucket. */
export function saysMissing(error: unknown): boolean {
  const { code, status } = failureOf(error);
  return code === 'NoSuchKey' || (status === 404 && UNNAMED.test(code));
}

/** Whether an error has a status and no name, as answers to HEAD have. */
export function saysNothing(error: unknown): boolean {
  return UNNAMED.test(failureOf(error).code);
}

/** Whether an error says that the condition of a request does not hold. */
export function saysPrecondition(error: unknown): boolean {
  return failureOf(error).status === 412;
}

/** Whether an error says that the service does not know what was asked of it. */
export function saysUnsupported(error: unknown): boolean {
  const { code, status } = failureOf(error);
  return status === 501 || code === 'NotImplemented';
}

/** Whether an error says that there is no room in the bucket. */
export function saysFull(error: unknown): boolean {
  const { code, status } = failureOf(error);
  return status === 507 || FULL.test(code);
}

/** Explains an error. @param doing for example "put objects/ab/abc…" */
export function explain(error: unknown, { address, settings }: S3Place, doing: string): StoreError {
  if (error instanceof StoreError) return error;
  const failure = failureOf(error);
  const { problem, reason } = reasonOf(failure, { address, settings });
  const said = redact(failure.message).slice(0, 300);
  const cause = new Error(redact(`${failure.code}: ${said}`));
  delete cause.stack;
  return new StoreError(problem, `${address.uri}: ${reason} (${doing}: ${redact(failure.code)})`, {
    cause,
    code: failure.code,
  });
}

function reasonOf(failure: Failure, place: S3Place): { problem: StoreProblem; reason: string } {
  const { code, status, message } = failure;
  const { bucket } = place.address;
  const { endpoint } = place.settings;
  const where = endpoint ?? 'Amazon S3';
  if (code === 'NoSuchBucket')
    return {
      problem: 'settings',
      reason: `there is no bucket "${bucket}" at ${where}: make it, or correct the bucket (OVERTONE_ARTIFACTS, or services.artifacts of the experiment) or the endpoint (AWS_ENDPOINT_URL_S3)`,
    };
  if (EXPIRED.includes(code))
    return {
      problem: 'denied',
      reason: `the credentials have expired: renew ${CREDENTIALS}, and AWS_SESSION_TOKEN where there is one`,
    };
  if (UNKNOWN_KEY.includes(code) || code === 'InvalidToken')
    return { problem: 'denied', reason: `${where} does not know these credentials: look at ${CREDENTIALS}` };
  if (code === 'SignatureDoesNotMatch')
    return {
      problem: 'denied',
      reason: `${where} refuses the signature: look at AWS_SECRET_ACCESS_KEY, and at AWS_REGION`,
    };
  if (code === 'RequestTimeTooSkewed')
    return { problem: 'settings', reason: `the clocks of this machine and of ${where} differ: set them` };
  if (code === 'PermanentRedirect' || code === 'AuthorizationHeaderMalformed' || status === 301)
    return { problem: 'settings', reason: `bucket "${bucket}" is in another region: set AWS_REGION to it` };
  if (/CredentialsProviderError|CredentialsError|TokenProviderError/.test(code))
    return { problem: 'settings', reason: `there are no credentials that can be used: set ${CREDENTIALS}` };
  if (/region is missing/i.test(message))
    return { problem: 'settings', reason: 'there is no region: set AWS_REGION' };
  if (code === 'AccessDenied' || code === 'AllAccessDisabled' || status === 401 || status === 403)
    return {
      problem: 'denied',
      reason: `access to bucket "${bucket}" is denied: these credentials need s3:GetObject, s3:PutObject and s3:ListBucket there, and s3:DeleteObject to free it; or look at ${CREDENTIALS}`,
    };
  if (status === 507 || FULL.test(code))
    return { problem: 'full', reason: `${where} takes no more: make room in bucket "${bucket}"` };
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return {
      problem: 'full',
      reason:
        'the local disk is full: what goes to or comes from the bucket passes through OVERTONE_CACHE; make room there, or set it to another disk',
    };
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/.test(code))
    return {
      problem: 'settings',
      reason: `the certificate of ${where} is not trusted: set NODE_EXTRA_CA_CERTS to the file of its authority`,
    };
  if (NETWORK.includes(code))
    return {
      problem: 'unreachable',
      reason: `${where} cannot be reached, or does not answer: look at AWS_ENDPOINT_URL_S3, and at the network between`,
    };
  if (code === 'SlowDown' || status === 429 || (status !== undefined && status >= 500))
    return { problem: 'unreachable', reason: `${where} fails or is overloaded, also after several tries` };
  if (/^E[A-Z]+$/.test(code)) return { problem: 'settings', reason: redact(message) };
  return {
    problem: 'settings',
    reason: `${where} refuses the request with ${status ?? 'no status'}: ${redact(message).slice(0, 200)}`,
  };
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: 'Error', status: undefined, message: String(error) };
  const status =
    '$metadata' in error && typeof error.$metadata === 'object' && error.$metadata !== null
      ? (error.$metadata as { httpStatusCode?: unknown }).httpStatusCode
      : undefined;
  const ofSystem = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  // Several addresses were tried.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  if (first !== undefined) return failureOf(first);
  return {
    code: ofSystem ?? error.name,
    status: typeof status === 'number' ? status : undefined,
    message: error.message,
  };
}
