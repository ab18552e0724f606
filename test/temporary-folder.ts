// Everything that tests leave behind in the temporary folder is removed with them: a vitest configuration imports this, and its workers
// and all processes that they start have a temporary folder of their own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'overtone-tests-'));
process.env['TMPDIR'] = folder;
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
