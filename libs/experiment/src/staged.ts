// A stage in the run's trace.
import { withSpan } from '@overtone/telemetry';

/** Runs a stage's work in a span of its own, `overtone.<stage>`, with attributes `overtone.<key>`. */
export function staged<Result>(
  stage: string,
  attributes: Record<string, string | number>,
  work: () => Promise<Result>,
): Promise<Result> {
  const named = Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [`overtone.${key}`, value]),
  );
  return withSpan(`overtone.${stage}`, named, work);
}
