// The TrainJob of infra/kubeflow: its manifests as the API's own models see them, and what it runs, on two processes of this machine.
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

const run = promisify(execFile);
const infra = fileURLToPath(new URL('../../infra/kubeflow/', import.meta.url));
const model = fileURLToPath(new URL('../../libs/miniature/model', import.meta.url));
const main = fileURLToPath(new URL('../../libs/cli/src/main.ts', import.meta.url));
/** A Python with requirements-trl.txt. */
const PYTHON = process.env.OVERTONE_TRL_PYTHON;
const folder = mkdtempSync(join(tmpdir(), 'overtone-kubeflow-'));
afterAll(() => rmSync(folder, { recursive: true }));

const manifest = z.looseObject({ kind: z.string() });
type Schema = Exclude<Parameters<typeof z.fromJSONSchema>[0], boolean>;
const schemas = z.record(
  z.string(),
  z.custom<Schema>((value) => typeof value === 'object'),
);
const api = z
  .object({ kinds: schemas, definitions: schemas })
  .parse(JSON.parse(readFileSync(join(infra, 'schema.json'), 'utf8')));

function documents(text: string): z.infer<typeof manifest>[] {
  return parseAllDocuments(text).map((document) => manifest.parse(document.toJS()));
}

/** What is wrong with a manifest of Kubeflow Trainer; kinds that it does not define pass. */
function faults(document: z.infer<typeof manifest>): string {
  const schema = api.kinds[document.kind];
  if (schema === undefined) return '';
  const parsed = z.fromJSONSchema({ ...schema, $defs: api.definitions }).safeParse(document);
  return parsed.success ? '' : z.prettifyError(parsed.error);
}

const read = (name: string): z.infer<typeof manifest> => {
  const [document] = documents(readFileSync(join(infra, name), 'utf8'));
  if (document === undefined) throw new Error(`${name} is empty`);
  return document;
};

describe('the manifests of infra/kubeflow', () => {
  it("are what the API's models take, and a field that is none is noticed", () => {
    const names = readdirSync(infra).filter((name) => name.endsWith('.yaml'));
    const checked = names
      .map((name) => [name, read(name)] as const)
      .filter(([, { kind }]) => kind in api.kinds);
    expect(checked.map(([, { kind }]) => kind).sort()).toEqual([
      'PersistentVolumeClaim',
      'TrainJob',
      'TrainingRuntime',
    ]);
    for (const [name, document] of checked) expect([name, faults(document)]).toEqual([name, '']);
    const job = read('trainjob.yaml');
    const withTrainer = (trainer: unknown) => ({ ...job, spec: { ...(job['spec'] as object), trainer } });
    expect(faults(withTrainer({ numNode: 2 }))).toMatch(/numNode/);
    expect(faults(withTrainer({ numNodes: 'two' }))).toMatch(/number|int/);
  });

  it.skipIf(!has('kubectl'))(
    'are rendered by kustomize, with the program: skipped where there is no kubectl',
    async () => {
      const { stdout } = await run('kubectl', ['kustomize', infra], { maxBuffer: 1e8 });
      const rendered = documents(stdout);
      expect(rendered.map(faults).join('')).toBe('');
      const program = rendered.find(({ kind }) => kind === 'ConfigMap');
      expect(program).toMatchObject({
        metadata: { name: 'overtone-trl' },
        data: { 'train_trl.py': readFileSync(join(infra, 'train_trl.py'), 'utf8') },
      });
    },
  );
});

function has(command: string): boolean {
  try {
    execFileSync(command, ['version', '--client'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const settings = z.array(z.looseObject({ name: z.string(), value: z.string() }));
const runtime = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        replicatedJobs: z.tuple([
          z.object({
            template: z.object({
              spec: z.object({
                template: z.object({
                  spec: z.object({
                    containers: z.tuple([z.object({ command: z.array(z.string()), env: settings })]),
                  }),
                }),
              }),
            }),
          }),
        ]),
      }),
    }),
  }),
});
const job = z.object({ spec: z.object({ trainer: z.object({ env: settings, args: z.array(z.string()) }) }) });

/** Runs the TrainJob's container as Kubeflow Trainer would on one node with two processes, but on the CPU. */
async function trainJob(
  environment: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<string> {
  const [node] = runtime.parse(read('runtime.yaml')).spec.template.spec.replicatedJobs;
  const [container] = node.template.spec.template.spec.containers;
  const { trainer } = job.parse(read('trainjob.yaml')).spec;
  expect(container.command).toEqual(['torchrun', '/opt/overtone/train_trl.py']);
  const set = [...container.env, ...trainer.env].map(({ name, value }) => [name, value]);
  const { stdout } = await run(
    PYTHON ?? '',
    ['-m', 'torch.distributed.run', join(infra, 'train_trl.py'), ...trainer.args, ...args],
    {
      maxBuffer: 1e8,
      env: {
        ...process.env,
        ...Object.fromEntries(set),
        HF_HOME: join(folder, 'huggingface'),
        HF_DATASETS_CACHE: join(folder, 'datasets'),
        HF_HUB_OFFLINE: '1',
        OMP_NUM_THREADS: '1',
        PET_NNODES: '1',
        PET_NPROC_PER_NODE: '2',
        PET_NODE_RANK: '0',
        PET_MASTER_ADDR: '127.0.0.1',
        PET_MASTER_PORT: '29571',
        ...environment,
      },
    },
  );
  return stdout;
}

describe.skipIf(PYTHON === undefined)(
  'the TrainJob trains: skipped where OVERTONE_TRL_PYTHON names no Python with test/conformance/requirements-trl.txt',
  () => {
    it(
      'with DPO, KTO and SFT on two processes, and its adapters are evaluated',
      { timeout: 600_000 },
      async () => {
        const source = join(folder, 'groups.jsonl');
        const groups = Array.from({ length: 16 }, (_, index) => ({
          id: `q${index}`,
          messages: [{ role: 'user', content: `${index} + 2` }],
          solutions: [
            { text: `\\boxed{${index + 3}}`, score: 1 },
            { text: `${index} + 2 = ${index + 2}\n\\boxed{${index + 2}}`, score: -0.5 },
          ],
        }));
        writeFileSync(source, groups.map((group) => JSON.stringify(group)).join('\n'));
        const exported = join(folder, 'exported');
        await run(process.execPath, [main, 'export', 'dataset', source, '--out', exported]);
        const adapters = [];
        for (const objective of ['dpo', 'kto', 'sft']) {
          const out = join(folder, 'adapters', objective);
          const cpu = ['--use_cpu', '--ddp_backend=gloo', '--bf16=false', '--disable_tqdm=true'];
          const stdout = await trainJob(
            {
              OVERTONE_OBJECTIVE: objective,
              // fsspec opens URLs; an object store's would begin with s3://.
              OVERTONE_DATASET: objective === 'kto' ? `file://${exported}` : exported,
              OVERTONE_MODEL: model,
              OVERTONE_OUT: out,
            },
            [...cpu, '--max_steps=8', '--gradient_accumulation_steps=1', '--learning_rate=2e-2'],
          );
          expect(stdout).toMatch(new RegExp(`train_trl: ${objective} on \\d+ rows, 8 steps; adapter: `));
          expect(readdirSync(out).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
          adapters.push('--adapter', out);
        }
        const experiment = join(folder, 'experiment.yaml');
        writeFileSync(
          experiment,
          `name: returned
model: ${model}
task:
  kind: chain-sum
  train: { seed: 1, count: 8, terms: [2, 3], max: 9, nonNegative: true }
  easy: { seed: 2, count: 24, terms: [2, 3], max: 9, nonNegative: true }
  hard: { seed: 3, count: 8, terms: [5, 6], max: 9, nonNegative: true }
sampling: { samples: 4, maxNewTokens: 96, seed: 1 }
signals: { entropy: { method: inverse-entropy } }
objectives: { sft: { type: sft, steps: 1, groupsPerStep: 1, optimizer: { learningRate: 1.0e-4 } } }
arms: [{ signal: entropy, objective: sft }]
evaluation: { samples: 4, maxNewTokens: 96, seed: 2 }
`,
        );
        const evaluation = ['eval', experiment, ...adapters, '--out', join(folder, 'evaluation'), '--json'];
        const { stdout } = await run(process.execPath, [main, ...evaluation], { maxBuffer: 1e8 });
        const system = z.object({
          name: z.string(),
          adapter: z.string().nullable(),
          accuracy: z.looseObject({ avg: z.number() }),
        });
        const { sets } = z
          .object({ sets: z.array(z.object({ name: z.string(), systems: z.array(system) })) })
          .parse(JSON.parse(stdout));
        const measured = sets.find(({ name }) => name === 'easy')?.systems ?? [];
        expect(measured.map(({ name }) => name)).toEqual(['base', 'dpo', 'kto', 'sft']);
        expect(new Set(measured.map(({ adapter }) => adapter)).size).toBe(4);
        const easy = (name: string): number => measured.find((row) => row.name === name)?.accuracy.avg ?? NaN;
        // Answers that are off by one were preferred: what was learned is in the adapters that came back.
        expect(easy('base')).toBeGreaterThan(0.8);
        for (const name of ['dpo', 'sft']) expect(easy(name)).toBeLessThan(easy('base') - 0.2);
      },
    );
  },
);
