// Memory as the dry run predicts it beside the highest resident memory of a process that does it:
//
//   npm run bench:memory [-- <part of a name> …]
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { here } from '../places.ts';
import { folderOf, ShapeAbsent } from '../shapes.ts';
import { CASES, type MemoryCase } from './cases.ts';
import { writeDataset } from './dataset.ts';
import { predict } from './predict.ts';

const run = promisify(execFile);
const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort());

/** The highest resident memory of a process of its own, bytes. */
async function measure(memory: MemoryCase, model: string): Promise<number> {
  const place = await mkdtemp(join(tmpdir(), 'overtone-memory-'));
  try {
    if (memory.kind === 'training') await writeDataset(place, model, memory);
    const task = [here('memory/process.ts'), model, place, JSON.stringify(memory)];
    const { stdout } = await run(process.execPath, task, { signal: interrupted.signal });
    const answer = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { readonly bytes: number };
    return answer.bytes;
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

const wanted = process.argv.slice(2);
const cases = CASES.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
const width = Math.max(...cases.map(({ name }) => name.length));
const column = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`.padStart(10);
console.log(`${'case'.padEnd(width)} ${'predicted'.padStart(10)} ${'measured'.padStart(10)}  ratio`);
let worst = 1;
for (const memory of cases) {
  try {
    const folder = await folderOf(memory.model);
    const parts = await predict(memory, folder);
    const measured = await measure(memory, folder);
    const { total = NaN, ...rest } = parts;
    const ratio = total / measured;
    worst = Math.max(worst, ratio, 1 / ratio);
    console.log(
      `${memory.name.padEnd(width)} ${column(total)} ${column(measured)}  ${ratio.toFixed(2).padStart(5)}`,
    );
    console.log(
      `  ${Object.entries(rest)
        .map(([part, bytes]) => `${part} ${column(bytes).trim()}`)
        .join(', ')}`,
    );
  } catch (error) {
    if (!(error instanceof ShapeAbsent)) throw error;
    console.log(`${memory.name}: left out, ${error.message}`);
  }
}
console.log(`\nfurthest off: ${((worst - 1) * 100).toFixed(0)} %`);
