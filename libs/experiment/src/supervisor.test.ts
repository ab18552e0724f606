import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { InputError } from './input-error.ts';
import { type ServiceName, Supervisor } from './supervisor.ts';

// Listens, and says so, but answers nobody: a service that is told to stop before it is healthy.
const SLOW = `
import { createServer } from 'node:net';
const server = createServer(() => {}).listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ event: 'listening', address: '127.0.0.1:' + server.address().port }));
});
process.stdin.on('end', () => process.exit(0)).resume();
`;
const REFUSING = `console.error('no such model'); process.exitCode = 2;`;

function programs(sources: Partial<Record<ServiceName, string>>): (service: ServiceName) => string {
  const folder = mkdtempSync(join(tmpdir(), 'overtone-supervisor-'));
  for (const [name, source] of Object.entries(sources)) writeFileSync(join(folder, `${name}.mjs`), source);
  return (service) => join(folder, `${service}.mjs`);
}

describe('a supervisor', () => {
  it('waits for no service that it has stopped, whichever one failed', async () => {
    const supervisor = new Supervisor({ program: programs({ generator: REFUSING, scorer: SLOW }) });
    const waiting = supervisor.start('scorer', {});
    await expect(supervisor.start('generator', {})).rejects.toThrow(
      new InputError('service generator did not start: no such model'),
    );
    const stopped = Promise.all([
      supervisor.stop(),
      expect(waiting).rejects.toThrow(/the services have been stopped|did not start/),
    ]);
    await stopped;
    expect(supervisor.pids).toEqual({});
    await expect(supervisor.start('scorer', {})).rejects.toThrow('the services have been stopped');
  }, 20_000);
});
