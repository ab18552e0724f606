// How to reach an S3-compatible service. Credentials are the SDK's business: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN, or mounted files: AWS_SHARED_CREDENTIALS_FILE, AWS_WEB_IDENTITY_TOKEN_FILE. They are never read here.

type Environment = Readonly<Record<string, string | undefined>>;

/** What is set. */
export interface S3Settings {
  /** The service's address; undefined: Amazon's. */
  readonly endpoint: string | undefined;
  /** undefined: what the shared configuration file says. */
  readonly region: string | undefined;
  /** Whether the bucket stands in the path rather than in the host's name. */
  readonly pathStyle: boolean;
  /** How long the service may be silent, milliseconds. */
  readonly idleMs: number;
  /** How long requests are tried again, milliseconds: of a service that has answered before, and of one that has not yet. */
  readonly patienceMs: { readonly known: number; readonly unknown: number };
}

/**
 * Reads the settings:
 * - `AWS_ENDPOINT_URL_S3`, or `AWS_ENDPOINT_URL`: the service's address, for example http://minio:9000; default: Amazon S3;
 * - `AWS_REGION`, or `AWS_DEFAULT_REGION`; default with an endpoint: us-east-1;
 * - `OVERTONE_S3_PATH_STYLE`: "1" or "0"; default: 1 with an endpoint;
 * - `OVERTONE_S3_TIMEOUT_S`: how long the service may be silent, seconds; default 30;
 * - `OVERTONE_S3_PATIENCE_S`: how long requests are tried again while it fails, is overloaded or cannot be reached, seconds; default
 *   60, and 6 as long as it has never answered.
 *
 * @throws Error that names the variable.
 */
export function readS3Settings(environment: Environment): S3Settings {
  const name = environment.AWS_ENDPOINT_URL_S3 ? 'AWS_ENDPOINT_URL_S3' : 'AWS_ENDPOINT_URL';
  const endpoint = environment[name] || undefined;
  if (endpoint !== undefined) checkEndpoint(name, endpoint);
  const style = environment.OVERTONE_S3_PATH_STYLE || undefined;
  if (style !== undefined && style !== '0' && style !== '1')
    throw new Error(`OVERTONE_S3_PATH_STYLE: expected 0 or 1, got ${JSON.stringify(style)}`);
  const patience = seconds(environment, 'OVERTONE_S3_PATIENCE_S', 60);
  return {
    endpoint,
    region:
      environment.AWS_REGION ||
      environment.AWS_DEFAULT_REGION ||
      (endpoint === undefined ? undefined : 'us-east-1'),
    pathStyle: style === undefined ? endpoint !== undefined : style === '1',
    idleMs: seconds(environment, 'OVERTONE_S3_TIMEOUT_S', 30),
    patienceMs: { known: patience, unknown: Math.min(patience, 6000) },
  };
}

function checkEndpoint(name: string, text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.username !== '' || url.password !== ''))
    throw new Error(`${name}: credentials do not belong into an address; use AWS_ACCESS_KEY_ID and so on`);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new Error(
      `${name}: expected an address such as https://s3.example.org, got ${JSON.stringify(text)}`,
    );
}

function seconds(environment: Environment, name: string, fallback: number): number {
  const value = Number(environment[name] || fallback);
  if (!Number.isFinite(value) || value <= 0)
    throw new Error(`${name}: expected a number of seconds above 0, got ${environment[name]}`);
  return value * 1000;
}
