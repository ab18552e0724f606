// The generator process: serves GeneratorService over a pool of engine workers (see configuration.ts).
import { openStore } from '@overtone/artifacts';
import { runService } from '@overtone/rpc';
import { SamplingPool } from '@overtone/sampling';
import { adapterResolver } from './adapter.ts';
import { readConfiguration } from './configuration.ts';
import { generatorService } from './handlers.ts';

try {
  const { artifacts, ...options } = readConfiguration(process.env);
  const store = artifacts === undefined ? undefined : openStore(artifacts);
  const pool = await SamplingPool.open(options);
  try {
    await runService({
      name: 'generator',
      services: [generatorService(pool, adapterResolver(store))],
      onClose: () => pool.close(),
    });
  } catch (error) {
    // Its threads would keep the process alive.
    await pool.close();
    throw error;
  }
} catch (error) {
  process.stderr.write(`generator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
