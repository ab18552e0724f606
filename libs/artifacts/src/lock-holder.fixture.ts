// A process that takes a lock, says so, and holds it: for ever, or for some milliseconds with a line in a log at its begin and end.
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { FolderLock } from './folder-lock.ts';

const [path = '', touchMs = '3000', staleMs = '15000', waitMs = '0', holdMs = '', log = ''] =
  process.argv.slice(2);
try {
  const lock = await FolderLock.take(path, {
    touchMs: Number(touchMs),
    staleMs: Number(staleMs),
    waitMs: Number(waitMs),
    onLost: (error) => {
      process.stdout.write(`lost: ${error.message}\n`);
      process.exit(3);
    },
  });
  process.stdout.write('taken\n');
  if (holdMs === '') setInterval(() => {}, 1000);
  else {
    appendFileSync(log, `begin ${process.pid}\n`);
    await delay(Number(holdMs));
    appendFileSync(log, `end ${process.pid}\n`);
    lock.release();
  }
} catch (error) {
  process.stdout.write(`refused: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
