import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { FolderLock } from './folder-lock.ts';

const program = fileURLToPath(new URL('lock-holder.fixture.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'overtone-lock-'));
const processes: ChildProcess[] = [];
afterAll(() => {
  for (const child of processes) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a holder; the first line that it says, and its end. */
function hold(path: string, args: readonly (number | string)[] = [], before: readonly string[] = []) {
  const [command = '', ...words] = [...before, process.execPath, program, path, ...args.map(String)];
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  processes.push(child);
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout });
  output.on('line', (line) => lines.push(line));
  return {
    child,
    lines,
    said: once(output, 'line').then(([line]) => String(line)),
    ended: once(child, 'close'),
  };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** Whether processes can be started that see no others, as in a container. */
const containers = ((): boolean => {
  try {
    execFileSync('unshare', ['-Urpf', '--mount-proc', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

describe('a lock on a folder', () => {
  it('has one holder at a time, however many processes want it at once', { timeout: 60_000 }, async () => {
    const path = join(folder, 'race', 'a.lock');
    const log = join(folder, 'race.log');
    const all = Array.from({ length: 6 }, () => hold(path, [3000, 15_000, 50_000, 40, log]));
    // Those that are killed while they hold or wait take nothing with them.
    const killed = hold(path, [3000, 15_000, 50_000, 5000, `${log}.killed`]);
    setTimeout(() => killed.child.kill('SIGKILL'), 800);
    await Promise.all([...all, killed].map(({ ended }) => ended));
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(12);
    lines.forEach((line, at) => {
      if (at % 2 === 1) expect(line.replace('end', 'begin')).toBe(lines[at - 1]);
    });
    expect(existsSync(path)).toBe(false);
  });

  it('is refused while its holder lives, also a stopped one, and free at once when it was killed', async () => {
    const path = join(folder, 'killed', 'a.lock');
    const { child, said } = hold(path);
    expect(await said).toBe('taken');
    child.kill('SIGSTOP');
    const refused = `process ${child.pid} on `;
    await expect(FolderLock.take(path)).rejects.toThrow(refused);
    await expect(FolderLock.take(path, { waitMs: 300 })).rejects.toThrow(
      /is at work in .*killed; wait for it, or stop it$/,
    );
    await kill(child);
    const began = performance.now();
    const lock = await FolderLock.take(path);
    expect(performance.now() - began).toBeLessThan(1000);
    await expect(FolderLock.take(path)).rejects.toThrow(/is at work/);
    lock.release();
    (await FolderLock.take(path)).release();
    expect(existsSync(path)).toBe(false);
  });

  it('is not held by a process that happens to have the id of the one that died', async () => {
    const path = join(folder, 'reused.lock');
    const lock = await FolderLock.take(path);
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    lock.release();
    writeFileSync(path, JSON.stringify({ ...holder, token: 'old', started: '1' }));
    (await FolderLock.take(path)).release();
  });

  it.skipIf(!containers)(
    'is known to be held from another container, and free when nobody touches it: skipped where none can be made',
    { timeout: 30_000 },
    async () => {
      const path = join(folder, 'container', 'a.lock');
      const inside = ['unshare', '-Urpf', '--kill-child', '--mount-proc'];
      const holder = hold(path, [100], inside);
      expect(await holder.said).toBe('taken');
      await expect(FolderLock.take(path, { staleMs: 2000 })).rejects.toThrow(/is at work/);
      expect(await hold(path, [100, 2000], inside).said).toMatch(/^refused/);
      // The end of the namespace's parent ends what is in it.
      await kill(holder.child);
      const began = performance.now();
      const lock = await FolderLock.take(path, { staleMs: 1000 });
      expect(performance.now() - began).toBeGreaterThan(900);
      lock.release();
    },
  );

  it('tells a holder that slept for too long that it has been taken over', { timeout: 30_000 }, async () => {
    const path = join(folder, 'slept', 'a.lock');
    const sleeper = hold(path, [100]);
    expect(await sleeper.said).toBe('taken');
    sleeper.child.kill('SIGSTOP');
    // From elsewhere, it looks dead.
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    writeFileSync(path, JSON.stringify({ ...holder, place: 'elsewhere' }));
    const lock = await FolderLock.take(path, { staleMs: 500 });
    sleeper.child.kill('SIGCONT');
    await sleeper.ended;
    expect(sleeper.lines.at(-1)).toMatch(/^lost: the lock .* was taken over by process \d+ on /);
    lock.release();
  });
});
