// A whole experiment, five services and all, with its artifacts in a bucket: the same bits as with a folder, also after it was killed.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openStore } from '@overtone/artifacts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRun } from '../end-to-end/small-experiment.fixture.ts';
import { CANARY, noS3Server, RawBucket, S3Server } from './s3-server.fixture.ts';

const BUCKET = 'experiments';
const cli = fileURLToPath(new URL('../../libs/cli/src/main.ts', import.meta.url));
const model = fileURLToPath(new URL('../../libs/miniature/model', import.meta.url));

async function overtone(...command: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...command]);
  return stdout;
}

const experiment = (artifacts: string | undefined): string => `
name: store
model: ${model}
engine: { threads: 1 }
task:
  kind: chain-sum
  train: { seed: 1, count: 16, terms: [2, 3], max: 9, nonNegative: true }
  easy: { seed: 2, count: 2, terms: [2, 3], max: 9, nonNegative: true }
  hard: { seed: 3, count: 4, terms: [6, 7], max: 20, nonNegative: true }
sampling: { samples: 4, maxNewTokens: 96, seed: 1, chunk: 8 }
judges:
  rubric: { backend: rubric }
audit: { judge: rubric }
signals:
  external-judge: { method: bradley-terry, judge: rubric }
objectives:
  sft: { type: sft, steps: 8, groupsPerStep: 4, optimizer: { learningRate: 5.0e-4 } }
arms:
  - { signal: external-judge, objective: sft }
evaluation: { samples: 2, maxNewTokens: 96, seed: 2 }
${artifacts === undefined ? '' : `services: { artifacts: "${artifacts}" }\n`}`;

interface Findings {
  readonly report: Record<string, unknown>;
  /** What every key leads to: of trainings, their weights, since their metrics tell tokens a second. */
  readonly results: readonly (readonly [stage: string, key: string, content: unknown])[];
}

interface Manifest {
  readonly artifacts: string;
  readonly results: readonly {
    readonly stage: string;
    readonly key: string;
    readonly sha256: string;
    readonly mediaType: string;
  }[];
}

describe.skipIf(noS3Server !== undefined)('an experiment with its artifacts in a bucket', () => {
  let root = '';
  let server: S3Server;
  const before = { ...process.env };

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'overtone-s3-run-'));
    server = await S3Server.start(BUCKET);
    Object.assign(process.env, server.environment, {
      OVERTONE_CACHE: join(root, 'cache'),
      AWS_EC2_METADATA_DISABLED: 'true',
    });
  });
  afterAll(async () => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
    await server.close();
    await rm(root, { recursive: true, force: true });
  });

  async function begin(name: string, artifacts: string | undefined) {
    const folder = await mkdtemp(join(root, 'in-'));
    await writeFile(join(folder, 'experiment.yaml'), experiment(artifacts));
    const start = (): ReturnType<typeof startRun> => startRun(folder, name);
    return { start, out: join(folder, name) };
  }

  /** What a run found and made, without what depends on time and place. */
  async function findings(out: string): Promise<Findings> {
    const read = (file: string): Promise<string> => readFile(join(out, file), 'utf8');
    const report = JSON.parse(await read('report.json')) as Record<string, unknown>;
    for (const name of ['timings', 'name', 'version']) delete report[name];
    const { artifacts, results } = JSON.parse(await read('manifest.json')) as Manifest;
    const store = openStore(artifacts);
    const found: [string, string, unknown][] = [];
    for (const { stage, key, ...ref } of results.toSorted((left, right) => (left.key < right.key ? -1 : 1))) {
      if (stage !== 'train') found.push([stage, key, ref.sha256]);
      else
        for await (const { snapshots } of store.readJsonl(ref, (row) => row as { snapshots: unknown }))
          found.push([stage, key, snapshots]);
    }
    expect(found.map(([stage]) => stage)).toContain('train');
    return { report, results: found };
  }

  it(
    'finds and stores the same bits as with a folder, also after it was killed, and shows no credential',
    { timeout: 300_000 },
    async () => {
      const folder = await begin('folder', undefined);
      const bucket = await begin('bucket', `s3://${BUCKET}/whole`);
      const killed = await begin('killed', `s3://${BUCKET}/killed`);
      const runs = [folder.start(), bucket.start()];
      for (const run of runs) expect(await run.ended).toBe(0);
      const expected = await findings(folder.out);
      expect(await findings(bucket.out)).toEqual(expected);
      // Nothing but the run's own state lies in its folder.
      expect(await readdir(bucket.out)).not.toContain('artifacts');

      const first = killed.start();
      await first.sees(/^train: [1-9]/);
      first.process.kill('SIGKILL');
      await first.ended;
      // On another machine, where nothing of the bucket is known; services of the killed run may still be ending.
      await rm(join(root, 'cache'), { recursive: true, maxRetries: 50, retryDelay: 100 });
      expect(await killed.start().ended).toBe(0);
      expect(await findings(killed.out)).toEqual(expected);

      const raw = new RawBucket(server.endpoint, BUCKET);
      const keysOf = async (prefix: string): Promise<string[]> =>
        (await raw.keys(`${prefix}/keys/`)).map((key) => key.slice(prefix.length)).sort();
      expect(await keysOf('killed')).toEqual(await keysOf('whole'));
      expect(await raw.unfinished('')).toBe(0);
      raw.close();
      // What reads a run reads it from there too, on a machine that knows nothing of it.
      await rm(join(root, 'cache'), { recursive: true, maxRetries: 50, retryDelay: 100 });
      const [shown, , swept] = await Promise.all([
        overtone('show', bucket.out, '--json'),
        overtone('export', 'dataset', bucket.out, '--format', 'trl', '--out', join(root, 'exported')),
        overtone(
          'gc',
          bucket.out,
          '--store',
          `s3://${BUCKET}/whole/`,
          '--older-than',
          '0',
          '--dry-run',
          '--json',
        ),
        overtone('report', bucket.out),
      ]);
      expect(shown).toMatch(/"bytes": [1-9]/);
      expect(JSON.parse(swept)).toMatchObject({ freed: false, objects: 0, runs: [bucket.out] });
      expect(await readFile(join(root, 'exported/sft.jsonl'), 'utf8')).not.toBe('');

      for (const out of [bucket.out, killed.out])
        for (const entry of await readdir(out, { recursive: true, withFileTypes: true }))
          if (entry.isFile()) {
            const text = await readFile(join(entry.parentPath, entry.name), 'latin1');
            for (const secret of Object.values(CANARY)) expect(text).not.toContain(secret);
          }
    },
  );
});
