// Where a store lies in an S3-compatible service: s3://bucket/prefix.

/** A bucket, and what the names of the store's objects begin with. */
export interface S3Address {
  /** As it was given. */
  readonly uri: string;
  readonly bucket: string;
  /** Empty, or ends with "/". */
  readonly prefix: string;
}

/** Reads s3://bucket or s3://bucket/prefix. @throws Error that says what is wrong with it, without a credential that may stand in it */
export function readS3Address(uri: string): S3Address {
  const [, authority = '', path = '', rest = ''] = /^s3:\/\/([^/?#]*)([^?#]*)(.*)$/is.exec(uri) ?? [];
  if (authority.includes('@'))
    throw new Error(
      'artifact store s3://…@…: credentials do not belong into a URI; use AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE',
    );
  const expected = 'write s3://bucket/prefix';
  if (rest !== '')
    throw new Error(
      `artifact store s3://${authority}${path}…: it takes no query and no fragment; ${expected}, and set the endpoint with AWS_ENDPOINT_URL_S3 and the region with AWS_REGION`,
    );
  // Names of old, and of other services than Amazon's, may have capitals and underscores.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(authority))
    throw new Error(`artifact store "${uri}": "${authority}" is no bucket's name; ${expected}`);
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.some((part) => part === '.' || part === '..' || !/^[A-Za-z0-9!_.*'()=+@~-]+$/.test(part)))
    throw new Error(
      `artifact store "${uri}": the prefix may have letters, digits and !_.*'()=+@~- between its slashes; ${expected}`,
    );
  return { uri, bucket: authority, prefix: parts.map((part) => `${part}/`).join('') };
}
