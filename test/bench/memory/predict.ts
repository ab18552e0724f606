// What the dry run predicts for a case.
import { readDecoderConfig } from '@overtone/language-model';
import { predictSamplingMemory } from '@overtone/sampling';
import { predictTrainingMemory } from '@overtone/training';
import { LORA } from '../lora.ts';
import { type MemoryCase } from './cases.ts';

/** Memory for keys and values in the cases that sample, bytes. */
export const CACHE_BYTES = 2 ** 31;

/** The parts of the prediction, and their total, bytes. */
export async function predict(memory: MemoryCase, folder: string): Promise<Readonly<Record<string, number>>> {
  const config = await readDecoderConfig(folder);
  if (memory.kind === 'sampling') {
    const { workers, slots, promptTokens, newTokens, precision } = memory;
    return {
      ...predictSamplingMemory({
        config,
        workers,
        hardware: { device: 'cpu', precision },
        slots,
        cacheBytes: CACHE_BYTES,
        promptTokens,
        maxNewTokens: newTokens,
      }),
    };
  }
  const { sequences, length, objective, solutions, trained, precision } = memory;
  const promptTokens = length / 4;
  const { batch: _, ...parts } = predictTrainingMemory({
    config,
    lora: trained === 'adapter' ? LORA : undefined,
    objective,
    groupsPerStep: sequences / solutions,
    solutions,
    promptTokens,
    solutionTokens: length - promptTokens,
    maxLength: length,
    hardware: { device: 'cpu', precision },
  });
  return parts;
}
