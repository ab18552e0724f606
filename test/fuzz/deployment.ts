// All services as processes of their own, each with a good request whose answer is known before anything malformed is sent.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { openStore } from '@overtone/artifacts';
import { goodRequests, type Target } from './good-requests.ts';

const ROOT = new URL('../../', import.meta.url);

/** A running service. */
export interface ServiceUnderTest {
  /** For example "judge" or "judge-generator". */
  readonly name: string;
  readonly address: string;
  readonly target: Target;
  /** Resident memory, MiB. */
  readonly residentMiB: () => number;
  /** Open file descriptors. */
  readonly descriptors: () => number;
  /** Whether the process that was started is still the one that runs. */
  readonly alive: () => boolean;
  /** All that it wrote to standard error. */
  readonly said: () => string;
}

/** Five services; the judge with two backends. */
export interface Deployment {
  readonly services: readonly ServiceUnderTest[];
  close(): Promise<void>;
}

/** Names of the services, in the order in which they start. */
export const SERVICES = ['generator', 'judge', 'judge-generator', 'scorer', 'trainer', 'evaluator'] as const;

/** Starts all of them. */
export async function startDeployment(): Promise<Deployment> {
  const folder = await mkdtemp(join(tmpdir(), 'overtone-fuzz-'));
  const artifacts = pathToFileURL(join(folder, 'artifacts')).href;
  const model = fileURLToPath(new URL('libs/miniature/model', ROOT));
  const children: ChildProcess[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }),
    );
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const targets = await goodRequests(openStore(artifacts), model);
    const services: ServiceUnderTest[] = [];
    const start = async (
      name: (typeof SERVICES)[number],
      environment: Record<string, string>,
    ): Promise<string> => {
      const [kind = ''] = name.split('-');
      const program = fileURLToPath(new URL(`services/${kind}/src/main.ts`, ROOT));
      const child = spawn(process.execPath, [program], {
        env: {
          PATH: process.env.PATH,
          NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
          OVERTONE_ARTIFACTS: artifacts,
          OVERTONE_WORKERS: '1',
          // The limits of calls have tests of their own; here they would keep everything else out.
          OVERTONE_MAX_CALLS_PER_SECOND: '0',
          OVERTONE_EXIT_WITH_PARENT: '1',
          ...environment,
        },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      children.push(child);
      let said = '';
      child.stderr.on('data', (text) => {
        said += String(text);
        // What matters is the first thing that went wrong.
        if (said.length > 2 ** 20) child.stderr.removeAllListeners('data').resume();
      });
      const address = await listening(child, name, () => said);
      services.push({
        name,
        address,
        target: targets[name],
        residentMiB: () => residentMiB(child.pid),
        descriptors: () => readdirSync(`/proc/${child.pid}/fd`).length,
        alive: () => child.exitCode === null && child.signalCode === null,
        said: () => said,
      });
      return address;
    };
    const generator = await start('generator', { OVERTONE_MODEL: model });
    await start('judge', { OVERTONE_JUDGE: 'rubric' });
    await start('judge-generator', {
      OVERTONE_JUDGE: 'generator',
      OVERTONE_GENERATOR: generator,
      OVERTONE_JUDGE_TEMPLATE: 'miniature',
    });
    await start('scorer', {});
    await start('trainer', { OVERTONE_STATE: join(folder, 'state'), OVERTONE_MODELS: model });
    await start('evaluator', { OVERTONE_GENERATOR: generator });
    return { services, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function listening(child: ChildProcess, name: string, said: () => string): Promise<string> {
  if (!child.stdout) throw new Error(`${name} has no pipes`);
  for await (const line of createInterface(child.stdout)) {
    const { address } = JSON.parse(line) as { address?: string };
    if (address !== undefined) return address;
  }
  throw new Error(`${name} ended before it listened: ${said()}`);
}

function residentMiB(pid: number | undefined): number {
  const [, kibibytes = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kibibytes) / 1024);
}
