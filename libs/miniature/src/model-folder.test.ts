import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { modelFolder, writeModelFolderFiles } from './model-folder.ts';

it('the shipped files are the ones that the code writes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'overtone-miniature-'));
  try {
    await writeModelFolderFiles(folder);
    const names = (await readdir(folder)).sort();
    expect(names).toEqual([
      'config.json',
      'generation_config.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    for (const name of names) {
      expect(await readFile(join(modelFolder, name), 'utf8')).toBe(
        await readFile(join(folder, name), 'utf8'),
      );
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
