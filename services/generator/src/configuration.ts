// The generator's configuration, read from the environment once, at start-up.
import { availableParallelism } from 'node:os';

/** What to host, and how. */
export interface GeneratorConfiguration {
  /** The model folder. */
  readonly model: string;
  /** The artifact store that adapters are fetched from; undefined hosts the base model alone. */
  readonly artifacts: string | undefined;
  /** Worker threads. */
  readonly workers: number;
  /** Samples that each worker decodes at once. */
  readonly slots: number;
}

function positive(
  environment: Readonly<Record<string, string | undefined>>,
  name: string,
): number | undefined {
  const text = environment[name] || undefined;
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${name}: expected an integer of at least 1, got ${JSON.stringify(text)}`);
  return value;
}

/**
 * Reads the configuration:
 * - `OVERTONE_MODEL`: the model folder (config.json, tokenizer.json, tokenizer_config.json, *.safetensors);
 * - `OVERTONE_ARTIFACTS`: file:///… URI of the artifact store that holds adapters; default: none;
 * - `OVERTONE_WORKERS`: worker threads; default: one a core;
 * - `OVERTONE_SLOTS`: samples that each worker decodes at once; default 64.
 *
 * @throws Error that names the variable.
 */
export function readConfiguration(
  environment: Readonly<Record<string, string | undefined>>,
): GeneratorConfiguration {
  const model = environment.OVERTONE_MODEL || '';
  if (model === '') throw new Error('OVERTONE_MODEL: set it to the folder of the model to host');
  return {
    model,
    artifacts: environment.OVERTONE_ARTIFACTS || undefined,
    workers: positive(environment, 'OVERTONE_WORKERS') ?? availableParallelism(),
    slots: positive(environment, 'OVERTONE_SLOTS') ?? 64,
  };
}
