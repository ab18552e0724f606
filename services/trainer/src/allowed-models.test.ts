import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AllowedModels } from './allowed-models.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-models-'));
  for (const name of ['models/one', 'models-of-others', 'secret'])
    await mkdir(join(folder, name), { recursive: true });
  await symlink(join(folder, 'secret'), join(folder, 'models', 'link'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const refused = /FAILED_PRECONDITION|does not train from/;

describe('the models that callers may name', () => {
  it('are those in the folders and of the owners that are listed', async () => {
    const models = AllowedModels.read({
      OVERTONE_MODELS: `${folder}/models, Qwen/*, owner/name`,
      OVERTONE_LISTEN: '0.0.0.0:1',
    });
    for (const model of [
      join(folder, 'models'),
      join(folder, 'models', 'one'),
      'Qwen/Qwen3-0.6B',
      'owner/name@main',
    ])
      await expect(models.check(model), model).resolves.toBeUndefined();
    for (const model of [
      join(folder, 'models', '..', 'secret'),
      join(folder, 'models', 'link'),
      join(folder, 'models-of-others'),
      join(folder, 'models', 'absent'),
      '/etc',
      '/etc/passwd',
      'file:///etc/passwd',
      'owner/other',
      'Qwen/../secret',
      'other/Qwen',
    ])
      await expect(models.check(model), model).rejects.toThrow(refused);
  });

  it('are all of them for callers of this machine, and the shipped one for others, when nothing is listed', async () => {
    await expect(AllowedModels.read({}).check('/etc')).resolves.toBeUndefined();
    await expect(
      AllowedModels.read({ OVERTONE_LISTEN: '127.0.0.1:0' }).check('/etc'),
    ).resolves.toBeUndefined();
    const wide = AllowedModels.read({ OVERTONE_LISTEN: '0.0.0.0:50051' });
    await expect(wide.check('/etc')).rejects.toThrow(refused);
    await expect(wide.check('owner/name')).rejects.toThrow(refused);
    const shipped = fileURLToPath(new URL('../../../libs/miniature/model', import.meta.url));
    await expect(wide.check(shipped)).resolves.toBeUndefined();
  });

  it('must be listed so that they can be told apart', () => {
    expect(() => AllowedModels.read({ OVERTONE_MODELS: 'models' })).toThrow(/OVERTONE_MODELS: expected/);
  });
});
