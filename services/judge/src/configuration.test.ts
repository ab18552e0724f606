import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfiguration } from './configuration.ts';

const api = { OVERTONE_JUDGE: 'openai', OVERTONE_JUDGE_BASE_URL: 'http://localhost:8000/v1' };

describe("the judge's configuration", () => {
  it('has defaults, and takes the prompt that fits', () => {
    expect(readConfiguration(api)).toMatchObject({
      mode: 'auto',
      template: 'verdict-only',
      analysisTokens: 0,
      concurrency: 16,
      retries: 4,
      timeoutMs: 120_000,
    });
    const generator = { OVERTONE_JUDGE: 'generator', OVERTONE_GENERATOR: 'localhost:1' };
    expect(readConfiguration({ ...generator, OVERTONE_JUDGE_ANALYSIS_TOKENS: '300' })).toMatchObject({
      template: 'analysis-then-verdict',
      analysisTokens: 300,
    });
    expect(
      readConfiguration({ ...generator, OVERTONE_JUDGE_TEMPLATE: 'analysis-then-verdict' }),
    ).toMatchObject({ analysisTokens: 512 });
  });

  it('reads the key from its variable, or from a file whenever it is asked', () => {
    expect(readConfiguration({ ...api, OVERTONE_JUDGE_API_KEY: 'k' })).toMatchObject({ apiKey: 'k' });
    const file = join(mkdtempSync(join(tmpdir(), 'overtone-key-')), 'key');
    writeFileSync(file, 'one\n');
    const read = readConfiguration({ ...api, OVERTONE_JUDGE_API_KEY_FILE: file });
    if (read.backend !== 'openai') throw new Error('another backend');
    writeFileSync(file, 'two');
    expect([read.apiKey, read.rereadKey?.()]).toEqual(['one', 'two']);
  });

  it.each([
    [{ ...api, OVERTONE_JUDGE_BASE_URL: '' }, 'OVERTONE_JUDGE_BASE_URL'],
    [{ ...api, OVERTONE_JUDGE_MODE: 'logits' }, 'OVERTONE_JUDGE_MODE: expected one of auto, logprobs'],
    [{ ...api, OVERTONE_JUDGE_API_KEY_FILE: '/nowhere/key' }, 'OVERTONE_JUDGE_API_KEY_FILE: no key in'],
    [{ ...api, OVERTONE_JUDGE_API_KEY: 'a', OVERTONE_JUDGE_API_KEY_FILE: 'b' }, 'both are set'],
    [{ ...api, OVERTONE_JUDGE_PARAMETERS: '[1]' }, 'OVERTONE_JUDGE_PARAMETERS: expected a JSON object'],
    [{ ...api, OVERTONE_JUDGE_RETRIES: '-1' }, 'OVERTONE_JUDGE_RETRIES'],
  ])('refuses %j', (environment, message) => {
    expect(() => readConfiguration(environment)).toThrow(message);
  });
});
