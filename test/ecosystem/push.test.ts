// What of a run goes to the hub, against a server that speaks the hub's API; and the cards that go with it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@overtone/experiment/prepare';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { startUploadHub, type UploadHub } from '../../libs/language-model/src/hub/hub-uploads.fixture.ts';
import { exportAdapter } from '../../libs/cli/src/export-adapter.ts';
import { finishedRun } from '../../libs/cli/src/finished-run.fixture.ts';
import { pushCommand, type PushFlags } from '../../libs/cli/src/push-command.ts';

const TOKEN = 'hf_very-secret-4711';
const folder = mkdtempSync(join(tmpdir(), 'overtone-push-test-'));
let run = '';
let hub: UploadHub;
let said = '';

beforeAll(async () => {
  run = await finishedRun(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  hub = await startUploadHub(TOKEN);
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_TOKEN', TOKEN);
  said = '';
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      said += String(text);
      return true;
    });
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  expect(said).not.toContain(TOKEN);
  await hub.close();
});

async function push(flags: Partial<PushFlags> = {}, signal = new AbortController().signal): Promise<void> {
  const defaults = {
    repo: 'owner/name',
    what: 'adapter',
    private: false,
    dryRun: false,
    json: false,
  } as const;
  await pushCommand(run, { ...defaults, ...flags }, signal);
}
const adapter = { arm: 'dpo/self' };
const files = (key: string): string[] => [...(hub.repositories.get(key)?.files.keys() ?? [])].sort();

describe('overtone push', () => {
  it('uploads an adapter with its card in one commit, and sends the token to the hub alone', async () => {
    await push({ ...adapter, private: true });
    expect(hub.repositories.get('models/owner/name')).toMatchObject({
      visibility: 'private',
      commits: ['Adapter of dpo/self, seed 1, step 4'],
    });
    expect(files('models/owner/name')).toEqual([
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
    ]);
    const stored = hub.repositories.get('models/owner/name')?.files;
    expect(stored?.get('adapter_model.safetensors')?.toString()).toBe('tensors');
    expect(stored?.get('README.md')?.toString()).toMatch(/^---\nbase_model: owner\/base\n/);
    expect(hub.requests.filter((request) => request.startsWith('storage'))).toHaveLength(1);
    expect(hub.leaked).toEqual([]);
    expect(said).toContain('README.md');
    expect(said).toMatch(/3 of 3 files uploaded, commit 1{12}\n$/);
  });

  it('has nothing to do the second time, and goes on where it failed without sending large files again', async () => {
    hub.failingCommits = 1;
    await expect(push(adapter)).rejects.toThrow(/status 500 \(told to fail.*run the same command again/);
    await push(adapter);
    await push(adapter);
    expect(said).toMatch(/has all of it already\n$/);
    expect(hub.repositories.get('models/owner/name')?.commits).toHaveLength(1);
    expect(hub.requests.filter((request) => request.startsWith('storage'))).toHaveLength(1);
    expect(hub.requests.filter((request) => request.endsWith('/create'))).toHaveLength(1);
  });

  it('uploads the results as a data set, and the report as a static space', async () => {
    await push({ what: 'dataset' });
    expect(files('datasets/owner/name')).toEqual(
      expect.arrayContaining(['README.md', 'arms.parquet', 'samples.parquet']),
    );
    await push({ what: 'report' });
    expect(hub.repositories.get('spaces/owner/name')?.sdk).toBe('static');
    expect(files('spaces/owner/name')).toEqual(['README.md', 'report.html', 'report.json']);
    const readme = hub.repositories.get('spaces/owner/name')?.files.get('README.md')?.toString() ?? '';
    expect(parse(readme.split('---')[1] ?? '')).toMatchObject({ sdk: 'static', app_file: 'report.html' });
  });

  it('lists with --dry-run what it would upload, with sizes, and asks nobody', async () => {
    vi.stubEnv('HF_TOKEN', '');
    await push({ ...adapter, dryRun: true });
    expect(said).toMatch(/\/owner\/name\n {2}README\.md +\d[\d.]* k?B\n {2}adapter_config\.json +21 B\n/);
    expect(hub.requests).toEqual([]);
  });

  it.each<[string, () => Partial<PushFlags>, RegExp]>([
    ['no token', () => (vi.stubEnv('HF_TOKEN', ''), adapter), /needs a token: set HF_TOKEN/],
    [
      'a token that may not write',
      () => (vi.stubEnv('HF_TOKEN', 'hf_another'), adapter),
      /the hub refuses the upload \(403\): the token in HF_TOKEN must be allowed to write to owner/,
    ],
    [
      'no hub',
      () => (vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9'), adapter),
      /the connection to .* failed/,
    ],
    ['a name that is none', () => ({ ...adapter, repo: 'name' }), /--repo: "name" is no repository/],
    ['several arms', () => ({}), /several arms; give one of them with --arm: dpo\/self, dpo\/length/],
    ['an unknown arm', () => ({ arm: 'dpo/slef' }), /unknown arm "dpo\/slef", did you mean "dpo\/self"/],
    ['an unknown seed', () => ({ ...adapter, seed: 7 }), /--seed: dpo\/self was trained with 1/],
    ['weights that are gone', () => ({ arm: 'dpo/length' }), /is no longer in its store/],
    ['an arm of a data set', () => ({ ...adapter, what: 'dataset' }), /leave them away/],
  ])('refuses %s in one line', async (_, flags, line) => {
    const refused: unknown = await push(flags()).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(InputError);
    expect(String(refused)).toMatch(line);
    expect(String(refused)).not.toMatch(/hf_|\n/);
  });

  it('stops when it is interrupted', async () => {
    const controller = new AbortController();
    controller.abort(new Error('interrupted'));
    await expect(push(adapter, controller.signal)).rejects.toThrow('interrupted');
    expect(hub.repositories.size).toBe(0);
  });
});

describe('overtone export adapter', () => {
  it('writes the adapter with a card: base model, training, signal, evaluation with intervals, versions', async () => {
    const out = join(folder, 'adapter');
    await exportAdapter(run, { ...adapter, out, force: false, json: false }, new AbortController().signal);
    const card = readFileSync(join(out, 'README.md'), 'utf8');
    const front: unknown = parse(card.split('---')[1] ?? '');
    expect(front).toMatchObject({
      base_model: 'owner/base',
      base_model_relation: 'adapter',
      library_name: 'peft',
      pipeline_tag: 'text-generation',
      'model-index': [
        {
          results: [
            {
              task: { type: 'text-generation' },
              dataset: { name: 'small, chain-sum, hard', type: 'small-chain-sum-hard' },
              metrics: [
                { type: 'accuracy', name: 'avg@2, 95 % interval [0.525, 0.725]', value: 0.625 },
                { type: 'accuracy', name: 'pass@2', value: 0.625 },
              ],
            },
            { dataset: { name: 'small, chain-sum, easy' } },
          ],
        },
      ],
    });
    expect(card).toContain('AutoModelForCausalLM.from_pretrained("owner/base", revision="v1")');
    expect(card).toContain('overtone eval questions.jsonl --model owner/base@v1 --adapter');
    expect(card).toContain('- **LoRA**: r 2; alpha 4; targetModules all\n');
    expect(card).toContain('κ 0.700 [0.600, 0.800]');
    expect(card).toContain(
      '| hard | **dpo/self** | .625 [.525, .725] | .625 | +.125 [+.075, +.175] | 0.020 |',
    );
    expect(card).toContain('- **Recommendation**: use. It agrees.');
    expect(card).toContain('- **Overtone**: 0.1.0\n');
  });
});
