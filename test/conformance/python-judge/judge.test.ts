// A judge in Python, over the contract alone. Run test/conformance/fetch-python-judge.sh to have what it needs.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { JudgeServiceClient, Outcome } from '@overtone/contracts';
import { parseReport } from '@overtone/report';
import { connect } from '@overtone/rpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const PYTHON = process.env.OVERTONE_JUDGE_PYTHON ?? here('../../../.cache/overtone/python-judge/bin/python');
const CLI = here('../../../libs/cli/src/main.ts');

describe.skipIf(!existsSync(PYTHON))(
  'a judge in Python (skipped unless test/conformance/fetch-python-judge.sh was run)',
  { timeout: 120_000 },
  () => {
    let python: ChildProcess;
    let address = '';
    let folder = '';

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'overtone-python-'));
      python = spawn(PYTHON, [here('judge.py'), '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
      if (python.stdout === null) throw new Error('no standard output');
      const [line] = (await once(createInterface(python.stdout), 'line')) as [string];
      address = `127.0.0.1:${/port (\d+)/.exec(line)?.[1] ?? ''}`;
    });

    afterAll(async () => {
      python.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    });

    it('is short enough to be read', async () => {
      expect((await readFile(here('judge.py'), 'utf8')).trim().split('\n').length).toBeLessThan(60);
    });

    it('answers as the contract says', async () => {
      const judge = connect(JudgeServiceClient, address);
      expect(await judge.describe({})).toMatchObject({ name: 'lines', backend: 'python' });
      const verdicts = [];
      for await (const verdict of judge.compare([
        { id: 'a', question: 'q', first: 'one\ntwo', second: 'one' },
        { id: 'b', question: 'q', first: 'one', second: 'one\ntwo' },
      ]))
        verdicts.push(verdict);
      judge.close();
      expect(verdicts).toMatchObject([
        { id: 'a', preferenceFirst: 0.9, outcome: Outcome.OUTCOME_FIRST },
        { id: 'b', preferenceFirst: 0.1, outcome: Outcome.OUTCOME_SECOND },
      ]);
    });

    it('judges for an experiment, within its budget', async () => {
      const experiment = (await readFile(here('experiment.yaml'), 'utf8'))
        .replace('127.0.0.1:50051', address)
        .replace('../../../libs', here('../../../libs'));
      await writeFile(join(folder, 'experiment.yaml'), experiment);
      const out = join(folder, 'run');
      const run = spawn(process.execPath, [CLI, 'run', join(folder, 'experiment.yaml'), '--out', out], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      run.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      const [code] = (await once(run, 'close')) as [number | null];
      expect([code, code === 0 ? '' : said]).toEqual([0, '']);
      const report = parseReport(await readFile(join(out, 'report.json'), 'utf8'));
      const judged = report.judges.find(({ name }) => name === 'lines');
      expect(judged).toMatchObject({ backend: 'address', unreadable: 0, unjudged: 0 });
      expect(judged?.calls).toBeGreaterThan(0);
      expect(report.signals[0]).toMatchObject({ name: 'lines', judge: 'lines' });
      expect(report.signals[0]?.kappa).not.toBeNull();
    });
  },
);
