// A Kubernetes API without nodes (api-server.sh), and kubectl that speaks to it.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { built, onPath, temporaryFolder } from './kustomize.fixture.ts';

const program = (name: string): string | undefined =>
  existsSync(join(built, 'bin', name)) ? join(built, 'bin', name) : onPath(name);
const kubectl = program('kubectl');

const isBuilt = (name: string): boolean => existsSync(join(built, 'bin', name));

/** Whether there is what stores and checks objects: see fetch-api-server.sh. */
export const hasApiServer =
  isBuilt('kube-apiserver') && program('etcd') !== undefined && kubectl !== undefined;
/** Whether there are the controllers that act upon them. */
export const hasControllers = hasApiServer && isBuilt('kube-controller-manager');

/** What a command said. */
export interface Said {
  readonly out: string;
  readonly error: string;
  readonly code: number;
}

/** A running control plane. */
export class ApiServer {
  readonly #folder: string;
  readonly #process: ChildProcess;

  private constructor(folder: string, process: ChildProcess) {
    this.#folder = folder;
    this.#process = process;
  }

  /** Starts one on free ports of this machine. Throws with its last words when it does not come up. */
  static async start(): Promise<ApiServer> {
    const folder = temporaryFolder('kubernetes');
    const script = fileURLToPath(new URL('api-server.sh', import.meta.url));
    const child = spawn('bash', [script, folder], { stdio: ['ignore', 'pipe', 'pipe'] });
    const lines: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => line === 'ready' && resolve());
      child.once('exit', (code) =>
        reject(new Error(`the API server did not start (${code}): ${lines.slice(-5).join('\n')}`)),
      );
    });
    return new ApiServer(folder, child);
  }

  /** Runs kubectl with words, and with text on its standard input. Never throws for what kubectl says. */
  kubectl(words: readonly string[], input?: string): Promise<Said> {
    return new Promise((resolve) => {
      const child = execFile(
        kubectl ?? 'kubectl',
        ['--kubeconfig', join(this.#folder, 'kubeconfig'), ...words],
        { maxBuffer: 1e8 },
        (error, out, err) =>
          resolve({
            out,
            error: err,
            code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1,
          }),
      );
      child.stdin?.end(input ?? '');
    });
  }

  /** The same, in Overtone's namespace. @throws Error with what kubectl says when it fails. */
  async run(words: readonly string[], input?: string): Promise<string> {
    const { out, error, code } = await this.kubectl(['--namespace', 'overtone', ...words], input);
    if (code !== 0) throw new Error(`kubectl ${words.join(' ')}: ${error}`);
    return out;
  }

  /** What a shell needs to find it: KUBECONFIG, and a PATH with kubectl. */
  get environment(): Record<string, string> {
    const path = process.env['PATH'] ?? '';
    return {
      KUBECONFIG: join(this.#folder, 'kubeconfig'),
      PATH: kubectl === undefined ? path : `${dirname(kubectl)}:${path}`,
    };
  }

  /** Ends it and removes everything that it had. */
  async stop(): Promise<void> {
    const exited = new Promise<void>((resolve) => this.#process.once('exit', () => resolve()));
    this.#process.kill('SIGTERM');
    await exited;
    rmSync(this.#folder, { recursive: true });
  }
}
