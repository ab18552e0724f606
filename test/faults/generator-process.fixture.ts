// The generator before an OpenAI-compatible server, as a process, for tests.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { GeneratorServiceClient, type GenerateRequest, type GenerateResponse } from '@overtone/contracts';
import { connect, type Remote } from '@overtone/rpc';

const MAIN = fileURLToPath(new URL('../../services/generator/src/main.ts', import.meta.url));

/** A running generator. */
export interface GeneratorProcess {
  readonly generator: Remote<typeof GeneratorServiceClient.service>;
  /** All that it wrote to standard error. */
  readonly said: () => string;
  stop(): Promise<void>;
}

function spawnGenerator(environment: Readonly<Record<string, string>>): {
  child: ChildProcess;
  said: () => string;
} {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      OVERTONE_BACKEND: 'openai',
      OVERTONE_WORKERS: '1',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr?.on('data', (text) => (said += String(text)));
  return { child, said: () => said };
}

/** Starts a generator and waits until it listens. */
export async function startGenerator(
  environment: Readonly<Record<string, string>>,
): Promise<GeneratorProcess> {
  const { child, said } = spawnGenerator(environment);
  if (!child.stdout) throw new Error('the generator has no pipes');
  for await (const line of createInterface(child.stdout)) {
    const { address = '' } = JSON.parse(line) as { address?: string };
    const generator = connect(GeneratorServiceClient, address, { retries: 0 });
    const stop = async (): Promise<void> => {
      generator.close();
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    };
    return { generator, said, stop };
  }
  throw new Error(`the generator ended before it listened: ${said()}`);
}

/** What a generator says that cannot start, and the code that it exits with. */
export async function failedStart(
  environment: Readonly<Record<string, string>>,
): Promise<{ code: unknown; said: string }> {
  const { child, said } = spawnGenerator(environment);
  const [code] = (await once(child, 'close')) as unknown[];
  return { code, said: said() };
}

/** All samples, by prompt and index. */
export async function generateAll(
  generator: GeneratorProcess['generator'],
  request: GenerateRequest,
  signal?: AbortSignal,
): Promise<GenerateResponse[]> {
  const all: GenerateResponse[] = [];
  for await (const response of generator.generate(request, { signal })) all.push(response);
  const key = ({ promptId, sampleIndex }: GenerateResponse): string => `${promptId}/${sampleIndex}`;
  return all.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
