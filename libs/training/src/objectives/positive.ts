// Settings that must be positive numbers, such as temperatures.

/** Checks one. Throws a RangeError that names it. */
export function checkPositive(name: string, value: number): number {
  if (!(value > 0 && Number.isFinite(value)))
    throw new RangeError(`${name} must be a positive number, got ${value}`);
  return value;
}
