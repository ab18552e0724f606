// Secrets of this process, taken out of what it logs, traces and answers. A second line: errors should hold none where they are made.

/** A shorter value may be part of any text. */
const SHORTEST = 8;
/** Variables whose values are secrets; of OVERTONE_TLS_KEY and of names that end in _FILE, they are paths. */
const SECRET_NAME = /(?:^|_)(?:API_?KEY|KEY|KEY_ID|TOKEN|SECRET|PASSWORD|PASSPHRASE|CREDENTIALS?)$/i;
const BEARER = /\b(Bearer|Basic) +[A-Za-z0-9._~+/=-]{8,}/g;

const kept = new Set<string>();
let ofEnvironment: readonly string[] | undefined;

/** Values of an environment that are secrets. */
export function secretsIn(environment: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(environment).flatMap(([name, value = '']) => {
    if (name === 'OTEL_EXPORTER_OTLP_HEADERS')
      return value.split(',').map((header) => header.slice(header.indexOf('=') + 1).trim());
    return SECRET_NAME.test(name) && !name.startsWith('OVERTONE_TLS_') ? [value.trim()] : [];
  });
}

/** Remembers a secret that came from a file, so that `redact` knows it. */
export function keepSecret(secret: string): void {
  if (secret.length >= SHORTEST) kept.add(secret);
}

/** A text without secrets that this process knows, and without credentials that look like some. */
export function redact(text: string): string {
  ofEnvironment ??= secretsIn(process.env).filter(({ length }) => length >= SHORTEST);
  let safe = text.replace(BEARER, '$1 (redacted)');
  for (const secret of [...ofEnvironment, ...kept]) safe = safe.replaceAll(secret, '(redacted)');
  return safe;
}
