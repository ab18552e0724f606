import { fileURLToPath } from 'node:url';
import { loadExperiment } from '@overtone/experiment/prepare';
import { describe, expect, it, vi } from 'vitest';
import { planRun } from './dry-run.ts';

describe("the paper's recipes", () => {
  it.each(['qwen3-chain-sum', 'qwen3-gsm8k'])('%s is planned without asking the hub', async (name) => {
    const asked = vi.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('asked'));
    try {
      const file = fileURLToPath(import.meta.resolve(`@overtone/experiment/recipes/${name}.yaml`));
      expect(await planRun(loadExperiment(file))).toMatchObject({
        model: 'Qwen/Qwen3-1.7B-Base',
        questions: { train: 2000, easy: 200, hard: 200 },
        samples: 16_000,
        jobs: 42,
      });
      expect(asked).not.toHaveBeenCalled();
    } finally {
      asked.mockRestore();
    }
  });
});
