// Judges that are the miniature itself after less pre-training: built where they are not there yet, hosted by a generator process,
// and asked in the miniature's own judging form.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type CompareRequest, GeneratorServiceClient, JudgeServiceService } from '@overtone/contracts';
import { generatorJudge, loadTemplate } from '@overtone/judging';
import { bidiHandler, connect, type ServedService, unaryHandler, waitForHealthy } from '@overtone/rpc';

const program = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** A judge with the process that hosts it. */
export interface HostedJudge {
  readonly service: ServedService;
  readonly stop: () => void;
}

/** Pre-trains the miniature for so many tokens into `folder`, unless it is there. */
export async function buildCheckpoint(folder: string, tokens: number): Promise<void> {
  if (existsSync(folder)) return;
  const command = ['miniature', 'build', '--out', folder, '--tokens', String(tokens), '--threads', '1'];
  const build = spawn(process.execPath, [program('libs/cli/src/main.ts'), ...command], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = (await once(build, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`"overtone ${command.join(' ')}" ended with exit code ${code}`);
}

/** Starts a generator for the model in `folder`, and a judge that asks it. */
export async function hostCheckpoint(name: string, folder: string): Promise<HostedJudge> {
  const host = spawn(process.execPath, [program('services/generator/src/main.ts')], {
    env: { ...process.env, OVERTONE_MODEL: folder, OVERTONE_WORKERS: '1', OVERTONE_EXIT_WITH_PARENT: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const failed = once(host, 'exit').then(([code]) => {
    throw new Error(`the generator of judge "${name}" ended with exit code ${code}`);
  });
  failed.catch(() => {});
  const [line] = (await Promise.race([once(createInterface(host.stdout), 'line'), failed])) as [string];
  const { address } = JSON.parse(line) as { address: string };
  await waitForHealthy(address);
  const model = connect(GeneratorServiceClient, address);
  const backend = generatorJudge({ model, template: loadTemplate('miniature'), name });
  return {
    service: {
      definition: JudgeServiceService,
      implementation: {
        describe: unaryHandler((_, { signal }) => backend.describe(signal)),
        compare: bidiHandler((requests: AsyncIterable<CompareRequest>, { signal }) =>
          backend.compare(requests, signal),
        ),
      },
    },
    stop: () => {
      model.close();
      host.kill();
    },
  };
}
