// Containers of Overtone's images as they are meant to run: no root, a read-only root file system, no capabilities, limited memory.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { waitForHealthy } from '@overtone/rpc';

/** The six images; the last is the command `overtone`. */
export const IMAGES = ['generator', 'judge', 'scorer', 'trainer', 'evaluator', 'experiment'] as const;
export type ImageName = (typeof IMAGES)[number];

const run = promisify(execFile);

/** Runs `docker` to its end. Rejects with what it said when it fails. */
export async function docker(...words: string[]): Promise<string> {
  const { stdout } = await run('docker', words, { maxBuffer: 64 * 2 ** 20 });
  return stdout.trim();
}

/** The local image of a service, of this repository's version. */
export function imageOf(name: ImageName): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return `overtone-${name}:${version}`;
}

/** Why containers of these images cannot be started; undefined when they can. */
export async function whatIsMissing(): Promise<string | undefined> {
  try {
    await docker('info', '--format', '{{.ServerVersion}}');
  } catch {
    return 'no Docker daemon answers';
  }
  for (const name of IMAGES) {
    try {
      await docker('image', 'inspect', '--format', '{{.Id}}', imageOf(name));
    } catch {
      return `there is no image ${imageOf(name)}: infra/docker/build.sh`;
    }
  }
  return undefined;
}

/** How containers are run, whatever is in them. */
export const HARDENED = [
  '--read-only',
  ...['--tmpfs', '/tmp:rw,size=512m,mode=1777'],
  ...['--cap-drop', 'ALL'],
  ...['--security-opt', 'no-new-privileges'],
  // Ports of this machine's loopback: there may be no network between containers.
  ...['--network', 'host'],
] as const;

/** A free port of 127.0.0.1. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('a socket without a port');
  return address.port;
}

/** What a container is given. */
export interface ContainerOptions {
  readonly image: ImageName;
  /** Its name in the table; the container gets one of its own. */
  readonly name: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Volumes by where they are mounted. */
  readonly volumes?: Readonly<Record<string, string>>;
  /** Limit, for example "2g". */
  readonly memory: string;
}

/** A service in a container. */
export class ServiceContainer {
  readonly name: string;
  /** 127.0.0.1:port. */
  readonly address: string;
  /** Milliseconds from `docker run` to SERVING. */
  readonly startMs: number;
  readonly #id: string;
  readonly #pid: number;

  private constructor(name: string, address: string, id: string, pid: number, startMs: number) {
    this.name = name;
    this.address = address;
    this.startMs = startMs;
    this.#id = id;
    this.#pid = pid;
  }

  /** Starts it and waits until it is healthy. Rejects with its log when it does not come up. */
  static async start({ image, name, environment = {}, volumes = {}, memory }: ContainerOptions) {
    const address = `127.0.0.1:${await freePort()}`;
    const all: Record<string, string> = {
      OVERTONE_SERVICE_NAME: name,
      OVERTONE_LISTEN: address,
      OVERTONE_HEALTH_LISTEN: `127.0.0.1:${await freePort()}`,
      ...environment,
    };
    const began = performance.now();
    const id = await docker(
      'run',
      '--detach',
      ...HARDENED,
      ...['--memory', memory],
      ...Object.entries(all).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
      ...Object.entries(volumes).flatMap(([path, volume]) => ['--volume', `${volume}:${path}`]),
      imageOf(image),
    );
    try {
      await waitForHealthy(address, { timeoutMs: 60_000 });
      const startMs = performance.now() - began;
      const pid = Number(await docker('inspect', '--format', '{{.State.Pid}}', id));
      return new ServiceContainer(name, address, id, pid, startMs);
    } catch (error) {
      const { stdout, stderr } = await run('docker', ['logs', id]);
      await docker('rm', '--force', id);
      throw new Error(`${name} did not come up:\n${stdout}${stderr}`, { cause: error });
    }
  }

  /** User ids of its process, as this machine's kernel has them: real, effective, saved, file system. */
  get userIds(): number[] {
    return this.#status('Uid').split(/\s+/).map(Number);
  }

  /** Most memory that its process has had resident so far, bytes. */
  get peakBytes(): number {
    return Number.parseInt(this.#status('VmHWM'), 10) * 1024;
  }

  /** Runs a program in it. */
  exec(...words: string[]): Promise<string> {
    return docker('exec', this.#id, ...words);
  }

  /** Sends SIGTERM, waits at most 10 s for its end, and removes it. */
  async stop(): Promise<{ code: number; ms: number }> {
    const began = performance.now();
    await docker('stop', '--time', '10', this.#id);
    const ms = performance.now() - began;
    const code = Number(await docker('inspect', '--format', '{{.State.ExitCode}}', this.#id));
    await docker('rm', this.#id);
    return { code, ms };
  }

  /** Ends and removes it, whatever state it is in. */
  async remove(): Promise<void> {
    await docker('rm', '--force', this.#id).catch(() => undefined);
  }

  #status(key: string): string {
    const status = readFileSync(`/proc/${this.#pid}/status`, 'utf8');
    return new RegExp(`^${key}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? '';
  }
}
