import { describe, expect, it } from 'vitest';
import { keepSecret, redact, secretsIn } from './redact.ts';

describe('redaction', () => {
  it('knows which variables hold secrets, and which hold paths', () => {
    const environment = {
      AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'very-secret',
      OVERTONE_JUDGE_API_KEY: 'sk-judge',
      HF_TOKEN: 'hf_token',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic abc,x-tenant=tenant-secret',
      OVERTONE_TLS_KEY: '/etc/tls/tls.key',
      OVERTONE_TOKEN_FILE: '/etc/token',
      OVERTONE_JUDGE: 'rubric',
      PATH: '/usr/bin',
    };
    expect(secretsIn(environment).sort()).toEqual(
      ['AKIAEXAMPLE', 'Basic abc', 'hf_token', 'sk-judge', 'tenant-secret', 'very-secret'].sort(),
    );
  });

  it('takes out what was kept, and what looks like a credential', () => {
    keepSecret('from-a-mounted-file');
    expect(redact('the API said: from-a-mounted-file')).toBe('the API said: (redacted)');
    expect(redact('401 Invalid: Bearer abcdefgh.ijkl')).toBe('401 Invalid: Bearer (redacted)');
    expect(redact('a bearer of bad news')).toBe('a bearer of bad news');
  });
});
