import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'overtone-signals-'));
afterAll(() => rmSync(folder, { recursive: true }));

function overtone(...words: string[]): Promise<{ code: number | string; stdout: string; stderr: string }> {
  return overtoneReading('', ...words);
}

function overtoneReading(
  input: string,
  ...words: string[]
): Promise<{ code: number | string; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...words], (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
    child.stdin?.end(input);
  });
}

const file = join(folder, 'verdicts.jsonl');
writeFileSync(
  file,
  Array.from({ length: 30 }, (_, index) => {
    const better = index % 2 === 0 ? 1 : 0;
    return JSON.stringify({
      id: `q${index}`,
      solutions: [{ text: 'one' }, { text: 'two' }],
      verdicts: {
        strong: [{ i: 0, j: 1, forward: better, backward: better }],
        '<weak>': [{ i: 0, j: 1, forward: 0.2 + 0.6 * better, backward: 0.3 + 0.5 * better }],
      },
    });
  }).join('\n'),
);

describe('overtone signals', () => {
  it('prints cards, writes a page, and starts nothing', async () => {
    const page = join(folder, 'cards.html');
    const { code, stdout, stderr } = await overtone('signals', file, '--audit', 'strong', '--html', page);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/<weak>\s+bradley-terry \(<weak>\)\s+1\.000 .* use\n/);
    expect(stdout).toMatch(
      /<weak>: use\. Of 30 audited pairs in 30 groups it orders 0\.0 % the wrong way round/,
    );
    const html = readFileSync(page, 'utf8');
    expect(html).toContain('<h3>&lt;weak&gt;</h3>');
    expect(html).not.toMatch(/<script|<link|https?:|NaN|undefined/);
    expect(html).toMatch(/aria-label="Reliability diagram of &lt;weak&gt;: \d+ % sure, 100 % right/);
  });

  it('prints JSON', async () => {
    const { stdout } = await overtone('signals', file, '--json');
    const cards: unknown = JSON.parse(stdout);
    expect(cards).toMatchObject([
      { name: 'strong', recommendation: 'do not train', groupsNeeded: 97, kappa: null },
      { name: '<weak>', flipRateIsLowerBound: true },
    ]);
  });

  it('reads standard input, as the end of a pipe from `overtone judge`', async () => {
    const { code, stdout } = await overtoneReading(
      readFileSync(file, 'utf8'),
      'signals',
      '--audit',
      'strong',
      '-',
    );
    expect(code).toBe(0);
    expect(stdout).toContain('<weak>: use.');
    const broken = await overtoneReading('{"id', 'signals', '-');
    expect([broken.code, broken.stderr]).toEqual([
      2,
      expect.stringMatching(/^overtone: standard input, line 1: is not JSON: .*\n$/),
    ]);
  });

  it('refuses what it cannot read with one line and exit code 2', async () => {
    const outcomes = await Promise.all([
      overtone('signals', join(folder, 'absent')),
      overtone('signals', folder),
      overtone('signals', folder, '--audit', 'strong'),
      overtone('signals', file, '--audit', 'stronger'),
    ]);
    expect(outcomes.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
    expect(outcomes.map(({ stderr }) => stderr.trimEnd())).toEqual([
      expect.stringMatching(/^overtone: .*absent does not exist/),
      expect.stringMatching(/^overtone: .*holds no run/),
      expect.stringMatching(/^overtone: --audit names a judge of a JSONL file/),
      expect.stringMatching(/^overtone: .*unknown judge "stronger", did you mean "strong"/),
    ]);
  });
});
