import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isHubReference } from './model-reference.ts';

describe('a model on the hub', () => {
  it('has the form owner/name, and is not on disk', () => {
    for (const model of ['Qwen/Qwen3-1.7B-Base', 'a/b@v1.0', 'a/b/c.gguf', 'a/b/c.Q4_0.gguf@refs/pr/1'])
      expect(isHubReference(model), model).toBe(true);
    for (const model of ['model', './a/b', '/a/b', '../a', 'a/b/c', '~/a', fileURLToPath(import.meta.url)])
      expect(isHubReference(model), model).toBe(false);
  });
});
