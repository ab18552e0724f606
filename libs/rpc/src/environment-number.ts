// Numbers in the environment: read once, at the start, with an error that names the variable.

/** What a number must be. */
export interface NumberRange {
  /** Smallest value. */
  least: number;
  /** What it counts, for the error: "milliseconds", "calls". */
  unit: string;
}

/** The whole number in `env[name]`; undefined when it is unset or empty. Throws when it is anything else. */
export function numberFromEnvironment(
  env: NodeJS.ProcessEnv,
  name: string,
  { least, unit }: NumberRange,
): number | undefined {
  const text = env[name]?.trim() ?? '';
  if (text === '') return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new Error(`${name} is "${text}", expected a whole number of ${unit} ≥ ${least}`);
  return value;
}
