// A service as a process on a host of the network, at an address that it keeps, which can be killed, paused and started again.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { waitForHealthy } from '@overtone/rpc';

/** What to start. */
export interface HostedServiceOptions {
  /** The program's folder in services/. */
  readonly program: string;
  /** host:port to listen on. */
  readonly address: string;
  /** What comes before the command, so that it runs on its host. */
  readonly before: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Node's own arguments, for example modules to load first. Default none. */
  readonly node?: readonly string[];
  /** Keeps what it says on standard error. */
  readonly log: string;
}

const STARTING_MS = 60_000;

/** A service. */
export class HostedService {
  readonly address: string;
  readonly #options: HostedServiceOptions;
  #child: ChildProcess | undefined;

  constructor(options: HostedServiceOptions) {
    this.#options = options;
    this.address = options.address;
  }

  /** The process; undefined while there is none. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it, and waits until it listens. */
  async start(): Promise<void> {
    const { program, before, environment, node = [], log } = this.#options;
    const main = fileURLToPath(new URL(`../../services/${program}/src/main.ts`, import.meta.url));
    const [command = '', ...args] = [...before, process.execPath, ...node, main];
    const child = spawn(command, args, {
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        OVERTONE_LISTEN: this.address,
        OVERTONE_INSECURE: '1',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let said = '';
    child.stderr.on('data', (text: Buffer) => {
      said = `${said}${text.toString()}`.slice(-4000);
      appendFileSync(log, text);
    });
    const listening = once(createInterface(child.stdout), 'line');
    const ended = once(child, 'exit').then(() => {
      throw new Error(`the ${program} ended before it listened: ${said}`);
    });
    ended.catch(() => {});
    await Promise.race([listening, ended]);
  }

  /** Waits until it is healthy. */
  healthy(): Promise<void> {
    return waitForHealthy(this.address, { timeoutMs: STARTING_MS, insecure: true });
  }

  /** Stops its clock. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  /** Lets it go on. */
  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends it, and waits for its end. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}
