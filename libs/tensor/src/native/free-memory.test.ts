import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** Takes 64 MiB in pieces with something kept between them, frees them, and prints the resident memory before and after returning it. */
const program = `
  const { returnFreeMemory } = await import(${JSON.stringify(new URL('free-memory.ts', import.meta.url).href)});
  const { Buffer } = await import('node:buffer');
  returnFreeMemory();
  const take = (bytes) => Buffer.allocUnsafeSlow(bytes).fill(1);
  const kept = [];
  let pieces = Array.from({ length: 1024 }, () => (kept.push(take(64)), take(65_536)));
  kept.push(take(64));
  pieces = undefined;
  gc();
  await new Promise((resolve) => setTimeout(resolve, 100));
  gc();
  const before = process.memoryUsage.rss();
  const returned = returnFreeMemory();
  console.log(JSON.stringify({ returned, mebibytes: (before - process.memoryUsage.rss()) / 2 ** 20, kept: kept.length }));
`;

const { header } = process.report.getReport() as {
  readonly header: { readonly glibcVersionRuntime?: string };
};

describe.skipIf(header.glibcVersionRuntime === undefined)('memory that was freed', () => {
  it('goes back to the system although something is in use beyond it', () => {
    const words = ['--expose-gc', '--input-type=module', '--eval', program];
    const said = execFileSync(process.execPath, words, {
      encoding: 'utf8',
      cwd: fileURLToPath(new URL('.', import.meta.url)),
    });
    const { returned, mebibytes } = JSON.parse(said) as { returned: boolean; mebibytes: number };
    expect(returned).toBe(true);
    expect(mebibytes).toBeGreaterThan(32);
  });
});
