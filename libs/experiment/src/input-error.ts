// An input error: something that the person who wrote the command or the experiment can put right.

/**
 * Says in one line what is wrong, where, what was expected and what to do. The command prints the line and exits
 * with code 2.
 */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** Makes one line of a message: newlines and runs of blanks become one blank. */
export function oneLine(message: string): string {
  return message.replace(/\s+/g, ' ').trim();
}
