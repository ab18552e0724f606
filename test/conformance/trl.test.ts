// `overtone export dataset` as Hugging Face `datasets` and TRL see it.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

const run = promisify(execFile);
/** A Python with requirements-trl.txt. */
const PYTHON = process.env.OVERTONE_TRL_PYTHON;
const folder = mkdtempSync(join(tmpdir(), 'overtone-trl-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(PYTHON === undefined)(
  'TRL trains on exported data sets: skipped where OVERTONE_TRL_PYTHON names no Python with test/conformance/requirements-trl.txt',
  () => {
    it('reads JSONL and Parquet to the same rows, and makes a step of DPO, KTO and SFT', async () => {
      const source = join(folder, 'groups.jsonl');
      writeFileSync(
        source,
        Array.from({ length: 8 }, (_, index) =>
          JSON.stringify({
            id: `q${index}`,
            messages: [{ role: 'user', content: `${index} + 2` }],
            solutions: [
              { text: `${index} + 2 = ${index + 2}\n\\boxed{${index + 2}}`, score: 1 + index / 10 },
              { text: `So\n\\boxed{${index + 2}}`, score: -0.5 },
              { text: `\\boxed{${index + 2}}`, score: 0.125 },
            ],
          }),
        ).join('\n'),
      );
      const main = fileURLToPath(new URL('../../libs/cli/src/main.ts', import.meta.url));
      const out = join(folder, 'exported');
      await run(process.execPath, [main, 'export', 'dataset', source, '--format', 'trl', '--out', out]);
      const script = fileURLToPath(new URL('start_trl.py', import.meta.url));
      const { stdout } = await run(PYTHON ?? '', [script, out], { maxBuffer: 1e8 });
      const last = stdout.trim().split('\n').at(-1) ?? '';
      const { rows, losses } = z
        .object({ rows: z.record(z.string(), z.number()), losses: z.record(z.string(), z.number()) })
        .parse(JSON.parse(last));
      expect(rows).toEqual({ dpo: 8, kto: 24, sft: 8 });
      expect(losses['dpo']).toBeCloseTo(Math.LN2, 3);
      expect(losses['sft']).toBeGreaterThan(0);
    }, 600_000);
  },
);
