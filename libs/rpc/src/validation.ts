// Request validation: a handler states what it needs of a field, and the caller learns which field was wrong and why.
import { invalidArgument } from './error.ts';

/** Throws INVALID_ARGUMENT "field: reason" unless `condition` holds. */
export function checkField(condition: unknown, field: string, reason: string): asserts condition {
  if (!condition) throw invalidArgument(field, reason);
}

/** The value of a field that must be set. */
export function requiredField<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw invalidArgument(field, 'must be set');
  return value;
}

/** Throws INVALID_ARGUMENT for the first id that is empty or occurs twice; `field` names the repeated field. */
export function checkUniqueIds(items: readonly { id: string }[], field: string): void {
  const seen = new Map<string, number>();
  for (const [index, { id }] of items.entries()) {
    checkField(id !== '', `${field}[${index}].id`, 'must not be empty');
    const earlier = seen.get(id);
    checkField(
      earlier === undefined,
      `${field}[${index}].id`,
      `"${id}" is also the id of ${field}[${earlier}]`,
    );
    seen.set(id, index);
  }
}
