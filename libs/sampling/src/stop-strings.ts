// Strings that end a sample, found in the text of its tokens as they come.

/** Text of tokens; special tokens are left out. */
export type Decode = (tokens: readonly number[]) => string;

/** A token is at least one byte of text, and a character at most four bytes. */
const TOKENS_PER_CHARACTER = 4;

/** Watches for strings. */
export class StopStrings {
  private readonly strings: readonly string[];
  private readonly decode: Decode;
  private readonly window: number;

  /** @param strings None may be empty. */
  constructor(strings: readonly string[], decode: Decode) {
    this.strings = strings;
    this.decode = decode;
    const longest = Math.max(0, ...strings.map((string) => string.length));
    // One more than the longest, since the window may begin within a character.
    this.window = (longest + 1) * TOKENS_PER_CHARACTER;
  }

  /** Whether the last of the tokens completed one of the strings. */
  completedBy(tokens: readonly number[]): boolean {
    if (this.strings.length === 0) return false;
    const text = this.decode(tokens.slice(-this.window));
    return this.strings.some((string) => text.includes(string));
  }

  /** The text up to the first of the strings; all of it when there is none. */
  cut(text: string): string {
    const starts = this.strings.map((string) => text.indexOf(string)).filter((start) => start >= 0);
    return starts.length === 0 ? text : text.slice(0, Math.min(...starts));
  }
}

/** Refuses stop strings that would end every sample, and those that cannot be found. */
export function checkStops(stop: readonly string[], decode: Decode | undefined): void {
  if (stop.includes('')) throw new RangeError('stop: an empty string would end every sample at once');
  if (stop.length > 0 && !decode)
    throw new TypeError('stop: the model has no tokenizer to find strings with');
}
