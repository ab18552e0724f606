// One service as a child process: started on a free loopback port, restarted on the same port when it dies.
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { InputError } from './input-error.ts';

/** How to start a service. */
export interface ServiceProcessOptions {
  /** Its name in messages, logs and traces, for example "judge-self". */
  readonly name: string;
  /** The program: an absolute path of a TypeScript or JavaScript file. */
  readonly program: string;
  /** Its environment, beyond this process's own. */
  readonly environment: Readonly<Record<string, string>>;
  /** Modules to load before the program. */
  readonly imports?: readonly string[];
  /** File that its standard error is appended to. */
  readonly logFile?: string;
  /** Hears of a restart. */
  readonly onRestart?: (reason: string) => void;
  /** Hears that the service is beyond help. */
  readonly onFailure?: (error: Error) => void;
}

/** A service's exit code when what it was given cannot be used. */
const BAD_INPUT = 2;
const STARTUP_MS = 120_000;
const DRAIN_MS = 8_000;
/** A service that keeps dying is restarted this often in a row, where "in a row" means within a minute of its start. */
const RESTARTS_IN_A_ROW = 5;
const STABLE_MS = 60_000;
const LAST_LINES = 20;

/** A running service. */
export class ServiceProcess {
  readonly #options: ServiceProcessOptions;
  readonly #lastLines: string[] = [];
  readonly #log: WriteStream | undefined;
  #child: ChildProcess | undefined;
  #address: string | undefined;
  #stopping = false;
  #restarts = 0;

  constructor(options: ServiceProcessOptions) {
    this.#options = options;
    this.#log =
      options.logFile === undefined ? undefined : createWriteStream(options.logFile, { flags: 'a' });
    // A full disk must not end a run for the sake of its log.
    this.#log?.on('error', () => {});
  }

  get name(): string {
    return this.#options.name;
  }

  /** The process id while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Starts the service and waits until it listens.
   *
   * @returns its address, which it keeps over restarts.
   * @throws Error with the last thing that the service said when it does not come up.
   */
  async start(): Promise<string> {
    const started = Date.now();
    const child = this.#spawn();
    this.#child = child;
    const address = await this.#listening(child);
    this.#address = address;
    child.once('exit', (code, signal) => this.#died(started, describeExit(code, signal)));
    if (child.exitCode !== null || child.signalCode !== null)
      this.#died(started, describeExit(child.exitCode, child.signalCode));
    return address;
  }

  /** Asks the service to finish, and ends it when it does not. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    // Without an id there never was a process, which would never exit.
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      const kill = setTimeout(() => child.kill('SIGKILL'), DRAIN_MS);
      child.kill('SIGTERM');
      await exited;
      clearTimeout(kill);
    }
    this.#log?.end();
  }

  #spawn(): ChildProcess {
    const { program, environment, imports = [] } = this.#options;
    const child = spawn(process.execPath, [...imports.flatMap((module) => ['--import', module]), program], {
      env: {
        ...process.env,
        OVERTONE_LISTEN: this.#address ?? '127.0.0.1:0',
        OVERTONE_EXIT_WITH_PARENT: '1',
        ...environment,
      },
      // Standard input stays open as long as this process lives: its end tells the service that the parent is gone.
      stdio: ['pipe', 'pipe', 'pipe'],
      // A process group of its own: Ctrl-C reaches this process alone, which then stops the services in order.
      detached: true,
    });
    child.stdin?.on('error', () => {});
    if (child.stderr !== null)
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.#lastLines.push(line);
        if (this.#lastLines.length > LAST_LINES) this.#lastLines.shift();
        if (this.#log?.writable === true) this.#log.write(`${line}\n`);
      });
    return child;
  }

  #listening(child: ChildProcess): Promise<string> {
    const { name } = this.#options;
    return new Promise((resolve, reject) => {
      const slow = setTimeout(() => {
        child.kill('SIGKILL');
        reject(
          new Error(`service ${name} was not listening after ${STARTUP_MS / 1000} s${this.#lastWords()}`),
        );
      }, STARTUP_MS);
      child.once('error', (error) => {
        clearTimeout(slow);
        reject(new Error(`service ${name} did not start: ${error.message}`, { cause: error }));
      });
      // 'close' comes after the last line of standard error, which says why.
      child.once('close', (code, signal) => {
        clearTimeout(slow);
        const words = this.#lastWords();
        reject(
          code === BAD_INPUT
            ? new InputError(`service ${name} did not start${words}`)
            : new Error(`service ${name} did not start (${describeExit(code, signal)})${words}`),
        );
      });
      if (child.stdout === null) return;
      createInterface({ input: child.stdout }).on('line', (line) => {
        const address = readListeningLine(line);
        if (address === undefined) return;
        clearTimeout(slow);
        resolve(address);
      });
    });
  }

  #died(started: number, reason: string): void {
    if (this.#stopping) return;
    if (Date.now() - started > STABLE_MS) this.#restarts = 0;
    if (++this.#restarts > RESTARTS_IN_A_ROW) {
      this.#fail(
        new Error(
          `service ${this.name} died ${this.#restarts} times in a row (${reason})${this.#lastWords()}`,
        ),
      );
      return;
    }
    this.#options.onRestart?.(reason);
    this.start().then(
      () => (this.#stopping ? this.stop() : undefined),
      (error: unknown) => this.#fail(error instanceof Error ? error : new Error(String(error))),
    );
  }

  #fail(error: Error): void {
    if (!this.#stopping) this.#options.onFailure?.(error);
  }

  /** The last line on standard error that says something, for an error message. */
  #lastWords(): string {
    const errors = this.#lastLines.filter((line) => /error/i.test(line) && !/^\s+at /.test(line));
    const line = errors.at(-1) ?? this.#lastLines.findLast((candidate) => candidate.trim() !== '');
    return line === undefined ? '' : `: ${line.trim().slice(0, 500)}`;
  }
}

function describeExit(code: number | null, signal: string | null): string {
  return signal === null ? `exit code ${code ?? 'unknown'}` : `killed by ${signal}`;
}

/** The address in {"event":"listening","address":"127.0.0.1:41233"}; undefined for any other line. */
function readListeningLine(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !('event' in value) || value.event !== 'listening')
      return undefined;
    return 'address' in value && typeof value.address === 'string' ? value.address : undefined;
  } catch {
    return undefined;
  }
}
