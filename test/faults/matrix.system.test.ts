// Some cells of the matrix of faults: whatever befalls a service while an experiment runs, the run ends as if nothing had happened.
// The whole matrix is `npm run faults`.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { CANNOT_ISOLATE, isolation } from './isolated.fixture.ts';
import type { CellOutcome } from './cell.fixture.ts';

const MATRIX = fileURLToPath(new URL('matrix.ts', import.meta.url));
const CELLS = ['judge/kill', 'trainer/partition', 'generator/disk'];

describe.skipIf(isolation() === undefined)(
  `faults of services while an experiment runs: skipped where they cannot be isolated (${CANNOT_ISOLATE})`,
  () => {
    it(
      'a judge that is killed, a trainer that is cut off, and a full disk change nothing, and cost nothing twice',
      { timeout: 300_000 },
      async () => {
        const args = [MATRIX, '--json', '--cells', CELLS.join(',')];
        const { stdout } = await promisify(execFile)(process.execPath, args);
        const outcomes = JSON.parse(stdout) as CellOutcome[];
        expect(outcomes.map(({ service, fault }) => `${service}/${fault}`)).toEqual(CELLS);
        for (const { differences, injected, paidTwice, mayBeLost } of outcomes) {
          expect(differences).toEqual([]);
          expect(injected).not.toEqual([]);
          expect(paidTwice).toBeLessThanOrEqual(mayBeLost);
        }
      },
    );
  },
);
