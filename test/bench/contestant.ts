// Someone who is measured: a process of its own that answers requests, one JSON line each. It says when it is ready, and is asked
// for one piece of work at a time, so that those compared can take turns.
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';

/** How to start one. */
export interface ContestantSpec {
  readonly name: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** An answer to a request: numbers by name. */
export type Answer = Readonly<Record<string, number>>;

/** Lines of stderr that are shown when one fails. */
const SHOWN = 12;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** A running process. */
export class Contestant {
  readonly name: string;
  /** Versions of what it runs on, by name. */
  versions: Readonly<Record<string, string>> = {};
  private readonly process: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;
  private readonly complaints: string[] = [];
  /** Settles when the process has ended and all that it wrote was read. */
  private readonly closed: Promise<void>;

  private constructor({ name, command, environment }: ContestantSpec) {
    this.name = name;
    const [file = '', ...args] = command;
    this.process = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    // A process that ended tells so by the end of its output.
    this.process.stdin?.on('error', () => undefined);
    this.process.on('error', ({ message }) => this.complaints.push(message));
    this.closed = new Promise((resolve) => this.process.on('close', () => resolve()));
    if (!this.process.stdout || !this.process.stderr) throw new Error(`${name}: has no pipes`);
    createInterface({ input: this.process.stderr }).on('line', (line) => {
      this.complaints.push(line);
      if (this.complaints.length > SHOWN) this.complaints.shift();
    });
    this.reader = createInterface({ input: this.process.stdout });
    this.lines = this.reader[Symbol.asyncIterator]();
  }

  /** Starts one and waits until it is ready. Throws with what it wrote when it ends before that. */
  static async start(spec: ContestantSpec): Promise<Contestant> {
    const contestant = new Contestant(spec);
    const { ready } = await contestant.answer();
    if (!isObject(ready)) throw contestant.failure('did not say that it is ready');
    contestant.versions = Object.fromEntries(
      Object.entries(ready).map(([name, version]) => [name, String(version)]),
    );
    return contestant;
  }

  /** Asks for a piece of work. Throws with the contestant's own words when it fails. */
  async ask(request: Readonly<Record<string, unknown>>): Promise<Answer> {
    this.process.stdin?.write(`${JSON.stringify(request)}\n`);
    const answer = await this.answer();
    if (typeof answer['error'] === 'string') throw this.failure(answer['error']);
    return Object.fromEntries(
      Object.entries(answer).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
    );
  }

  /** Ends the process. */
  async close(): Promise<void> {
    this.process.stdin?.end();
    await this.closed;
    this.reader.close();
  }

  private async answer(): Promise<Readonly<Record<string, unknown>>> {
    for (;;) {
      const line = await this.lines.next();
      if (line.done === true) {
        await this.closed;
        throw this.failure('ended');
      }
      // Libraries print what they like; answers are objects.
      if (!line.value.startsWith('{')) continue;
      const parsed: unknown = JSON.parse(line.value);
      if (isObject(parsed)) return parsed;
    }
  }

  private failure(reason: string): Error {
    return new Error([`${this.name}: ${reason}`, ...this.complaints].join('\n  '));
  }
}
