import { describe, expect, it } from 'vitest';
import { openStore } from '../index.ts';
import { redact } from './redact.ts';
import { readS3Address } from './s3-address.ts';
import { readS3Settings } from './s3-settings.ts';

describe('s3:// addresses', () => {
  it.each([
    ['s3://bucket', 'bucket', ''],
    ['s3://bucket/', 'bucket', ''],
    ['s3://bucket/a/b', 'bucket', 'a/b/'],
    ['S3://my.bucket-1//a//b/', 'my.bucket-1', 'a/b/'],
  ])('%s', (uri, bucket, prefix) => {
    expect(readS3Address(uri)).toEqual({ uri, bucket, prefix });
    expect(openStore(uri).uri).toBe(uri);
  });

  it.each([
    ['s3://', /is no bucket's name; write s3:\/\/bucket\/prefix/],
    ['s3:bucket', /is no bucket's name/],
    ['s3://bucket/../b', /the prefix may have/],
    ['s3://bucket/a b', /the prefix may have/],
    ['s3://bucket/a?endpoint=http://x', /takes no query.*AWS_ENDPOINT_URL_S3/],
  ])('%s is refused with what to write', (uri, message) => {
    expect(() => openStore(uri)).toThrow(message);
  });

  it('with credentials in them are refused without repeating them', () => {
    let said = '';
    try {
      openStore('s3://AKIAEXAMPLE:canarysecret@bucket/prefix');
    } catch (error) {
      said = String(error);
    }
    expect(said).toMatch(/credentials do not belong into a URI; use AWS_ACCESS_KEY_ID/);
    expect(said).not.toMatch(/canary|AKIA/);
  });
});

describe('settings', () => {
  it('are those of Amazon without an endpoint, and path style with one', () => {
    expect(readS3Settings({ AWS_REGION: 'eu-central-1' })).toMatchObject({
      endpoint: undefined,
      region: 'eu-central-1',
      pathStyle: false,
    });
    expect(
      readS3Settings({ AWS_ENDPOINT_URL: 'http://b', AWS_ENDPOINT_URL_S3: 'http://a:9000' }),
    ).toMatchObject({ endpoint: 'http://a:9000', region: 'us-east-1', pathStyle: true });
    expect(readS3Settings({ AWS_ENDPOINT_URL: 'https://b', OVERTONE_S3_PATH_STYLE: '0' })).toMatchObject({
      endpoint: 'https://b',
      pathStyle: false,
    });
  });

  it.each([
    [{ AWS_ENDPOINT_URL_S3: 'minio:9000' }, /AWS_ENDPOINT_URL_S3: expected an address/],
    [{ AWS_ENDPOINT_URL: 'http://key:canary@minio' }, /AWS_ENDPOINT_URL: credentials do not belong/],
    [{ OVERTONE_S3_PATH_STYLE: 'yes' }, /OVERTONE_S3_PATH_STYLE: expected 0 or 1/],
    [{ OVERTONE_S3_TIMEOUT_S: '-1' }, /OVERTONE_S3_TIMEOUT_S: expected/],
    [{ OVERTONE_S3_PATIENCE_S: 'x' }, /OVERTONE_S3_PATIENCE_S: expected/],
  ])('%j is refused', (environment, message) => {
    expect(() => readS3Settings(environment)).toThrow(message);
  });
});

it('credentials are taken out of any text', () => {
  const environment = { AWS_ACCESS_KEY_ID: 'mykey12345', AWS_SECRET_ACCESS_KEY: 'my+secret/1' };
  const text =
    'mykey12345 my+secret/1 AKIAABCDEFGHIJKLMNOP X-Amz-Signature=abc&x=1 X-Amz-Security-Token=tok\nAuthorization: AWS4 x';
  const clean = redact(text, environment);
  expect(clean).toBe(
    '[AWS_ACCESS_KEY_ID] [AWS_SECRET_ACCESS_KEY] [access key] X-Amz-Signature=[…]&x=1 X-Amz-Security-Token=[…]\nAuthorization: […]',
  );
});
