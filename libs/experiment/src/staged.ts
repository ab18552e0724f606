// A stage in the run's trace.
import { withSpan } from '@overtone/telemetry';

/** Runs a stage's work in a span of its own, `overtone.<stage>`, with attributes `overtone.<key>`, the key in snake case. */
export function staged<Result>(
  stage: string,
  attributes: Record<string, string | number>,
  work: () => Promise<Result>,
): Promise<Result> {
  const named = Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [`overtone.${snakeCase(key)}`, value]),
  );
  return withSpan(`overtone.${stage}`, named, work);
}

const snakeCase = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
