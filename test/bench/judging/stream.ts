// Streams questions through `overtone judge` and says how far the resident memory of its processes grows:
//   node test/bench/judging/stream.ts [questions] [solutions]     default 10,000 questions × 16 solutions, every pair, both orders
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@overtone/statistics';

const CLI = fileURLToPath(new URL('../../../libs/cli/src/main.ts', import.meta.url));
const [questions = 10_000, solutions = 16] = process.argv.slice(2).map(Number);

const STYLES = [
  (a: number, b: number, mark: string) => `${mark}\n${a} + ${b} = ${a + b}\n\\boxed{${a + b}}`,
  (a: number, b: number, mark: string) => `So ${mark}\n${a + b}\n\\boxed{${a + b}}`,
  (a: number, b: number, mark: string) => `Plan: in order ${mark}\n${a + b}\n\\boxed{${a + b}}`,
];

async function writeQuestions(path: string): Promise<void> {
  const out = createWriteStream(path);
  for (let index = 0; index < questions; index++) {
    const random = seededRandom('stream', index);
    const [a, b] = [Math.floor(random() * 100), Math.floor(random() * 100)];
    const texts = Array.from({ length: solutions }, (_, at) =>
      STYLES[Math.floor(random() * STYLES.length)]?.(a, b, `(${index}.${at})`),
    );
    const row = { id: `q${index}`, question: `${a} + ${b}`, solutions: texts.map((text) => ({ text })) };
    if (!out.write(`${JSON.stringify(row)}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

/** Resident memory, MB, of a process and of its children, by their programs. */
function resident(pid: number): Map<string, number> {
  const found = new Map<string, number>();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${entry}/status`, 'utf8');
      const parent = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
      if (Number(entry) !== pid && parent !== pid) continue;
      const program = readFileSync(`/proc/${entry}/cmdline`, 'utf8');
      const name = /services\/(\w+)\//.exec(program)?.[1] ?? 'overtone';
      found.set(name, Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

const folder = mkdtempSync(join(tmpdir(), 'overtone-stream-'));
try {
  const input = join(folder, 'questions.jsonl');
  const output = join(folder, 'verdicts.jsonl');
  await writeQuestions(input);
  const started = performance.now();
  const child = spawn(process.execPath, [CLI, 'judge', input, '--judge', 'rubric', '--out', output], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const first = new Map<string, number>();
  const most = new Map<string, number>();
  let judged = 0;
  child.stderr.on('data', (chunk: Buffer) => {
    const count = Number(/judge: (\d+) questions/.exec(chunk.toString())?.[1] ?? 0);
    judged = Math.max(judged, count);
  });
  const sampler = setInterval(() => {
    if (child.pid === undefined || !existsSync(`${output}.partial`)) return;
    for (const [name, megabytes] of resident(child.pid)) {
      // What a process takes once it is at work: growth is counted from there.
      if (judged >= 1 && !first.has(name)) first.set(name, megabytes);
      most.set(name, Math.max(most.get(name) ?? 0, megabytes));
    }
  }, 1_000);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearInterval(sampler);
  const seconds = (performance.now() - started) / 1000;
  const comparisons = questions * solutions * (solutions - 1);
  process.stdout.write(
    `exit ${code}; ${questions} questions × ${solutions} solutions: ${comparisons} comparisons in ${seconds.toFixed(0)} s (${Math.round(comparisons / seconds)} a second)\n`,
  );
  for (const [name, peak] of most) {
    const start = first.get(name) ?? peak;
    process.stdout.write(
      `${name}: ${start.toFixed(0)} MB at the first questions, at most ${peak.toFixed(0)} MB, growth ${(peak - start).toFixed(0)} MB\n`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
