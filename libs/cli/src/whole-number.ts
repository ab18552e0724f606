// A whole number on the command line.
import { InvalidArgumentError } from 'commander';

/** Reads a whole number of at least `least`. @throws {InvalidArgumentError} from what it returns, for any other text. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`expected a whole number of at least ${least}.`);
    return value;
  };
}
