// Where the tokens of a text end in it.

/** What stands for the bytes of a character that is not complete yet. */
const INCOMPLETE = '\uFFFD';

/**
 * How many characters (code points) of the text there are up to the end of every token. A character that several tokens share belongs to
 * the last of them; tokens that are not written, for example the end token, have no characters.
 */
export function tokenEnds(
  tokens: readonly number[],
  decode: (tokens: readonly number[]) => string,
): number[] {
  const ends: number[] = [];
  let length = 0;
  // Decoders treat the first token of a text unlike the others, so each is decoded behind the one before it.
  let from = 0;
  let read = 0;
  for (const index of tokens.keys()) {
    const now = decode(tokens.slice(from, index + 1));
    if (!now.endsWith(INCOMPLETE)) {
      length += [...now].length - [...decode(tokens.slice(from, read))].length;
      from = read;
      read = index + 1;
    }
    ends.push(length);
  }
  return ends;
}
