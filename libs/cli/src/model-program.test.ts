import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { initialAdapter, type LoraConfig, readDecoderConfig, writeAdapter } from '@overtone/language-model';
import { describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const miniature = fileURLToPath(new URL('../../miniature/model', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'overtone-models-'));

function overtone(...words: string[]): Promise<{ code: number | string; stdout: string; stderr: string }> {
  const env = { ...process.env, HF_HOME: join(scratch, 'cache'), HF_HUB_OFFLINE: '1' };
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...words], { env }, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

describe('overtone model', () => {
  it('describes a model', async () => {
    const { stdout, code } = await overtone('model', 'info', miniature, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      path: miniature,
      parameters: 435_616,
      dtypes: ['F32'],
      config: { architecture: 'Qwen3ForCausalLM' },
    });
  });

  it('ends with one line and exit code 2 when there is no such model', async () => {
    const { stdout, stderr, code } = await overtone('model', 'fetch', 'owner/name');
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
    expect(stderr).toMatch(/^overtone: owner\/name: there is no such folder here, and the cache .*\n$/);
  });

  it('does not start a run whose model cannot be had', async () => {
    const file = join(scratch, 'experiment.yaml');
    const recipe = fileURLToPath(new URL('../../experiment/recipes/miniature.yaml', import.meta.url));
    writeFileSync(file, readFileSync(recipe, 'utf8').replace(/^model: .*$/m, 'model: owner/name'));
    const out = join(scratch, 'run');
    const { stderr, code } = await overtone('run', file, '--out', out);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^overtone: owner\/name: there is no such folder here/);
    expect(existsSync(out)).toBe(false);
  });
});

describe('overtone export model', () => {
  it('writes a checkpoint in the format that was asked for, and never over another', async () => {
    const out = join(scratch, 'exported');
    const words = [
      'export',
      'model',
      '--model',
      miniature,
      '--out',
      out,
      '--dtype',
      'bf16',
      '--max-shard-size',
      '500KB',
    ];
    expect(await overtone(...words)).toEqual({ code: 0, stdout: `${out}\n`, stderr: '' });
    const { stdout } = await overtone('model', 'info', out, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ parameters: 435_616, dtypes: ['BF16'] });
    const again = await overtone(...words);
    expect(again.code).toBe(2);
    expect(again.stderr).toBe(`overtone: ${out}: is not empty; name a new folder for the model\n`);
    expect(
      (await overtone('export', 'model', '--model', miniature, '--out', out, '--max-shard-size', 'x')).stderr,
    ).toMatch(/expected a size, for example 5GB/);
  });

  it('writes a card of a merged model, with what the card of its adapter says', async () => {
    const adapter = join(scratch, 'tilted');
    const lora: LoraConfig = { r: 2, alpha: 4, targetModules: ['q_proj'] };
    const parameters = initialAdapter(await readDecoderConfig(miniature), lora, 1);
    await writeAdapter(adapter, { lora, parameters }, miniature);
    writeFileSync(
      join(adapter, 'README.md'),
      '---\nlibrary_name: peft\n---\n\n# Tilted\n\n## Training\n\ndpo\n',
    );
    const out = join(scratch, 'merged');
    const words = ['--model', miniature, '--adapter', adapter, '--out', out];
    expect((await overtone('export', 'model', ...words)).code).toBe(0);
    const card = readFileSync(join(out, 'README.md'), 'utf8');
    expect(card).toMatch(/^---\nlibrary_name: transformers\n/);
    expect(card).toContain('- **LoRA**: r 2; alpha 4; q_proj\n');
    expect(card).toMatch(/\n## Tilted\n\n### Training\n\ndpo\n$/);
  });
});
