// The generator process: serves GeneratorService over the embedded engine or an OpenAI-compatible server (see configuration.ts).
import { openStore } from '@overtone/artifacts';
import { resolveModel } from '@overtone/language-model';
import { runService } from '@overtone/rpc';
import { requireDevice } from '@overtone/tensor/devices';
import { adapterResolver } from './adapter.ts';
import { type GeneratorBackend } from './backend.ts';
import { readConfiguration, type GeneratorConfiguration } from './configuration.ts';
import { openEngine } from './engine-backend.ts';
import { generatorService } from './handlers.ts';

async function openBackend({ engine: host, openai }: GeneratorConfiguration): Promise<GeneratorBackend> {
  if (host) await requireDevice(host.hardware.device);
  const engine = host && { ...host, model: await resolveModel(host.model) };
  if (openai) {
    // It brings an HTTP client along, which the engine starts sooner without.
    const { openServer } = await import('./openai-backend.ts');
    return openServer(openai, engine);
  }
  if (engine) return openEngine(engine);
  throw new Error('OVERTONE_MODEL: set it to the folder of the model to host');
}

try {
  const configuration = readConfiguration(process.env);
  const { artifacts } = configuration;
  const store = artifacts === undefined ? undefined : openStore(artifacts);
  const backend = await openBackend(configuration);
  try {
    await runService({
      name: 'generator',
      services: [generatorService(backend, adapterResolver(store))],
      onClose: () => backend.close(),
    });
  } catch (error) {
    // Its threads would keep the process alive.
    await backend.close();
    throw error;
  }
} catch (error) {
  process.stderr.write(`generator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
