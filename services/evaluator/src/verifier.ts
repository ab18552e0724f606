// Which verifier an evaluation is asked to use.
import { failedPrecondition } from '@overtone/rpc';
import { builtInVerifier, type Verifier } from '@overtone/tasks';

/**
 * The built-in verifier, or the one that this process was started with, when it is the one that is asked for.
 *
 * A request names a verifier by its hash only: what code runs here is for those to say who start the process.
 *
 * @throws RpcError FAILED_PRECONDITION when another one is asked for.
 */
export function chooseVerifier(sha256: string, custom: Verifier | undefined): Verifier {
  if (sha256 === '') return builtInVerifier;
  if (custom?.sha256 === sha256) return custom;
  const own = custom === undefined ? 'has only the built-in verifier' : `has the verifier ${custom.sha256}`;
  throw failedPrecondition(
    `asked for the verifier with SHA-256 ${sha256}, but this evaluator ${own}; start it with OVERTONE_VERIFIER set to the path of the experiment's task.verifier`,
  );
}
