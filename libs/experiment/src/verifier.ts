// The verifier of a task: the built-in one, or the module that the experiment names.
import { builtInVerifier, loadVerifier, type Verifier } from '@overtone/tasks';
import type { Task } from './config/schema.ts';
import { InputError, oneLine } from './input-error.ts';

/**
 * Loads the verifier of a task.
 *
 * @throws InputError when the module cannot be loaded or does not export `verify`.
 */
export async function verifierOf(task: Task): Promise<Verifier> {
  if (task.verifier === undefined) return builtInVerifier;
  try {
    return await loadVerifier(task.verifier);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError(`task.verifier: ${oneLine(reason)}`, { cause: error });
  }
}
