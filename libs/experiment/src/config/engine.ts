// What the embedded engine runs on, in the generator and in the trainer.
import { z } from 'zod';
import { object } from './strict.ts';

/** The `engine` section of an experiment file. A trainer that runs elsewhere must have been started with the same device and precision. */
export const engine = object({
  /** Where programs run: cpu, cuda or webgpu; "overtone doctor" says which are there. Default cpu. */
  device: z.enum(['cpu', 'cuda', 'webgpu']).default('cpu'),
  /** Precision of matrix products; all else is float32. int8, on the cpu: frozen weights of eight bits, also under the adapter that is trained. Default float32. */
  precision: z.enum(['float32', 'float16', 'int8']).default('float32'),
  /** Cores to use: workers of the generator, threads within the trainer's operators. Default: all of them, and one. */
  threads: z.int().min(1).optional(),
});
export type Engine = z.infer<typeof engine>;

/** What of an experiment says what the engine runs on. */
interface Settings {
  readonly engine?: Engine | undefined;
}

/** The environment of the services that compute; empty values are their defaults, whatever this process's own environment says. */
export function engineEnvironment({ engine }: Settings): Record<string, string> {
  const { device, precision, threads } = engine ?? {};
  return {
    OVERTONE_DEVICE: device ?? '',
    OVERTONE_PRECISION: precision ?? '',
    ...(threads === undefined
      ? {}
      : { OVERTONE_WORKERS: String(threads), OVERTONE_THREADS: String(threads) }),
  };
}

/** What a training job must be computed on, "device/precision"; undefined for the defaults, so that keys without it stay as they are. */
export function engineOf({ engine }: Settings): string | undefined {
  const { device = 'cpu', precision = 'float32' } = engine ?? {};
  return device === 'cpu' && precision === 'float32' ? undefined : `${device}/${precision}`;
}
