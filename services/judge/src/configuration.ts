// The judge's configuration, read from the environment once, at start-up.

/** Who judges. */
export type JudgeConfiguration =
  | { backend: 'rubric'; name: string | undefined }
  | { backend: 'generator'; name: string | undefined; generator: string; template: string };

/**
 * Reads the configuration:
 * - `OVERTONE_JUDGE`: "rubric" or "generator";
 * - `OVERTONE_JUDGE_NAME`: the name for reports; default: the backend's name;
 * - `OVERTONE_GENERATOR`: host:port of the Generator service that judges (generator backend);
 * - `OVERTONE_JUDGE_TEMPLATE`: a shipped judging template's name or a file's path; default "verdict-only" (generator backend).
 *
 * @throws Error that names the variable.
 */
export function readConfiguration(
  environment: Readonly<Record<string, string | undefined>>,
): JudgeConfiguration {
  const name = environment.OVERTONE_JUDGE_NAME || undefined;
  const backend = environment.OVERTONE_JUDGE || '';
  if (backend === 'rubric') return { backend, name };
  if (backend !== 'generator') {
    throw new Error(`OVERTONE_JUDGE: expected "rubric" or "generator", got ${JSON.stringify(backend)}`);
  }
  const generator = environment.OVERTONE_GENERATOR || '';
  if (generator === '') {
    throw new Error('OVERTONE_GENERATOR: set it to the host:port of the Generator service that is to judge');
  }
  return { backend, name, generator, template: environment.OVERTONE_JUDGE_TEMPLATE || 'verdict-only' };
}
