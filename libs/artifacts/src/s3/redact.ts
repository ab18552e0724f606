// Credentials do not leave the process in messages: a service may quote them in what it answers.

type Environment = Readonly<Record<string, string | undefined>>;

const SECRET = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'] as const;

/** A text without credentials: neither those of the environment, nor what looks like a signature, a token or a key of Amazon's. */
export function redact(text: string, environment: Environment = process.env): string {
  let clean = text;
  for (const name of SECRET) {
    const value = environment[name];
    // Shorter ones are no secret, and stand in any text.
    if (value !== undefined && value.length >= 8) clean = clean.replaceAll(value, `[${name}]`);
  }
  return clean
    .replaceAll(/\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b/g, '[access key]')
    .replaceAll(
      /((?:X-Amz-(?:Security-Token|Signature|Credential)|Signature|Credential)=)[^&\s,]+/gi,
      '$1[…]',
    )
    .replaceAll(/(authorization: ?)[^\n]+/gi, '$1[…]');
}
