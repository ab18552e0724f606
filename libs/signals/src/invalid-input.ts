// Bad input to a signal: says which field is wrong and what was expected. A service answers it with INVALID_ARGUMENT.

/** Input that no score can be computed from. */
export class InvalidInput extends Error {
  /** The field, as the contract names it, for example `verdicts[3].forward`. */
  readonly field: string;
  /** What it holds and what was expected. */
  readonly reason: string;

  constructor(field: string, reason: string) {
    super(`${field}: ${reason}`);
    this.name = 'InvalidInput';
    this.field = field;
    this.reason = reason;
  }
}
