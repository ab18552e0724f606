import { mkdtempSync, writeFileSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { InputError } from './input-error.ts';
import { ServiceProcess, type ServiceProcessOptions } from './service-process.ts';

// A stand-in for a service: listens where it is told, dies when somebody connects and says so.
const PROGRAM = `
import { createServer } from 'node:net';
const [host, port] = process.env.OVERTONE_LISTEN.split(':');
const server = createServer((socket) => socket.on('data', (data) => {
  if (String(data) === 'die') { process.kill(process.pid, 'SIGKILL'); }
  else socket.end(String(process.pid));
}));
server.listen(Number(port), host, () => {
  console.log('loading');
  console.log(JSON.stringify({ event: 'listening', service: 'stand-in', address: host + ':' + server.address().port }));
});
process.stdin.on('end', () => process.exit(0)).resume();
`;

const started: ServiceProcess[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((service) => service.stop()));
});

function standIn(source: string, options: Partial<ServiceProcessOptions> = {}): ServiceProcess {
  const program = join(mkdtempSync(join(tmpdir(), 'overtone-service-')), 'stand-in.mjs');
  writeFileSync(program, source);
  const service = new ServiceProcess({ name: 'stand-in', program, environment: {}, ...options });
  started.push(service);
  return service;
}

/** Sends a word; the answer, or undefined when the connection breaks. */
function ask(address: string, word: string): Promise<string | undefined> {
  const [host = '', port = ''] = address.split(':');
  return new Promise((resolve) => {
    const socket = connectSocket(Number(port), host, () => socket.write(word));
    let answer: string | undefined;
    socket.on('data', (data) => (answer = String(data)));
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}

async function eventually<Value>(look: () => Promise<Value | undefined>): Promise<Value> {
  for (let tries = 0; tries < 200; tries++) {
    const value = await look();
    if (value !== undefined) return value;
    await delay(25);
  }
  throw new Error('nothing came');
}

describe('a service process', () => {
  it('comes back at the same address when it is killed', async () => {
    const restarts: string[] = [];
    const service = standIn(PROGRAM, { onRestart: (reason) => restarts.push(reason) });
    const address = await service.start();
    const pid = await ask(address, 'hello');
    await ask(address, 'die');
    const next = await eventually(() => ask(address, 'hello'));
    expect(next).not.toBe(pid);
    expect(restarts).toEqual(['killed by SIGKILL']);
  });

  it('is given up, with its last words, when it keeps dying', async () => {
    const failure = Promise.withResolvers<Error>();
    const service = standIn(
      `console.log(JSON.stringify({ event: 'listening', address: '127.0.0.1:1' }));
       console.error('Error: out of chairs');
       setTimeout(() => process.exit(3), 20);`,
      { onFailure: failure.resolve },
    );
    await service.start();
    const { message } = await failure.promise;
    expect(message).toMatch(/died 6 times in a row \(exit code 3\): Error: out of chairs/);
  });

  it('says why when it does not come up', async () => {
    const service = standIn(`throw new Error('OVERTONE_MODEL: no such folder')`);
    await expect(service.start()).rejects.toThrow(
      /stand-in did not start \(exit code 1\): Error: OVERTONE_MODEL: no such folder/,
    );
    const refusing = standIn(`console.error('weights are truncated'); process.exitCode = 2;`);
    await expect(refusing.start()).rejects.toThrow(
      new InputError('service stand-in did not start: weights are truncated'),
    );
  });

  it('stops when it is told, and stays stopped', async () => {
    const service = standIn(PROGRAM);
    const address = await service.start();
    await service.stop();
    await delay(50);
    expect(await ask(address, 'hello')).toBeUndefined();
  });
});
