import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfiguration } from './configuration.ts';

const server = { OVERTONE_BACKEND: 'openai', OVERTONE_OPENAI_BASE_URL: 'http://host:8000' };

describe("the generator's configuration", () => {
  it('is the engine unless it is said otherwise', () => {
    expect(readConfiguration({ OVERTONE_MODEL: '/m', OVERTONE_SLOTS: '8' })).toMatchObject({
      engine: { model: '/m', slots: 8 },
      openai: undefined,
    });
  });

  it('of a server takes entropies from local weights where there are any', () => {
    expect(readConfiguration(server)).toMatchObject({ engine: undefined, openai: { entropy: 'none' } });
    expect(readConfiguration({ ...server, OVERTONE_MODEL: '/m' })).toMatchObject({
      engine: { model: '/m' },
      openai: { entropy: 'engine' },
    });
    expect(readConfiguration({ ...server, OVERTONE_OPENAI_RETRIES: '0' }).openai?.retries).toBe(0);
    expect(
      readConfiguration({ ...server, OVERTONE_OPENAI_ADAPTER_PATH: '/a=/b' }).openai?.adapterPath,
    ).toEqual({
      here: '/a',
      there: '/b',
    });
  });

  it('reads the key from its file, before that of the environment', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'overtone-key-')), 'key');
    writeFileSync(file, ' from-file\n');
    const key = (environment: Record<string, string>): string | undefined =>
      readConfiguration({ ...server, ...environment }).openai?.apiKey;
    expect(key({})).toBeUndefined();
    expect(key({ OPENAI_API_KEY: 'from-environment' })).toBe('from-environment');
    expect(key({ OPENAI_API_KEY: 'x', OVERTONE_OPENAI_API_KEY_FILE: file })).toBe('from-file');
    writeFileSync(file, '\n');
    expect(() => key({ OVERTONE_OPENAI_API_KEY_FILE: file })).toThrow(/is empty/);
  });

  it.each([
    [{}, /^OVERTONE_MODEL: set it/],
    [{ OVERTONE_BACKEND: 'vllm' }, /^OVERTONE_BACKEND: expected "engine" or "openai", got "vllm"/],
    [{ OVERTONE_BACKEND: 'openai' }, /^OVERTONE_OPENAI_BASE_URL: set it/],
    [{ ...server, OVERTONE_ENTROPY: 'engine' }, /^OVERTONE_ENTROPY: "engine" needs local weights/],
    [{ ...server, OVERTONE_ENTROPY: 'topk' }, /^OVERTONE_ENTROPY: expected "none" or "top-k" or "engine"/],
    [
      { OVERTONE_MODEL: '/m', OVERTONE_DEVICE: 'gpu' },
      /^OVERTONE_DEVICE: expected "cpu" or "cuda" or "webgpu"/,
    ],
    [
      { OVERTONE_MODEL: '/m', OVERTONE_PRECISION: 'int4' },
      /^OVERTONE_PRECISION: expected "float32" or "float16" or "int8"/,
    ],
    [{ ...server, OVERTONE_OPENAI_CONCURRENCY: '0' }, /^OVERTONE_OPENAI_CONCURRENCY: expected an integer/],
    [{ ...server, OVERTONE_OPENAI_API_KEY_FILE: '/nowhere/key' }, /cannot read \/nowhere\/key: ENOENT/],
    [{ ...server, OVERTONE_OPENAI_ADAPTER_PATH: '/a' }, /expected "\/here=\/there", got "\/a"/],
  ])('names the variable that is wrong: %j', (environment, message) => {
    expect(() => readConfiguration(environment)).toThrow(message);
  });
});
