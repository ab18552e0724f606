// JSON lines: one value a line, written and read as a stream.

const PIECE_CHARACTERS = 64 * 1024;

/** Rows as UTF-8 in pieces of some tens of kilobytes. Throws, naming the row, for a value that JSON has no text for. */
export async function* encodeJsonl(
  rows: Iterable<unknown> | AsyncIterable<unknown>,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let piece = '';
  let index = 0;
  for await (const row of rows) {
    const line: string | undefined = JSON.stringify(row);
    if (line === undefined) throw new TypeError(`row ${index} is ${typeof row}, which JSON cannot hold`);
    piece += `${line}\n`;
    index += 1;
    if (piece.length >= PIECE_CHARACTERS) {
      yield encoder.encode(piece);
      piece = '';
    }
  }
  if (piece !== '') yield encoder.encode(piece);
}

/** Rows from UTF-8 pieces; errors name `source` and the line, counted from 1. */
export async function* decodeJsonl<Row>(
  pieces: AsyncIterable<Uint8Array>,
  source: string,
  parse: (value: unknown) => Row,
): AsyncGenerator<Row> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  let lineNumber = 0;
  const read = (line: string): Row[] => {
    lineNumber += 1;
    if (line.trim() === '') return [];
    try {
      return [parse(JSON.parse(line))];
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${source}, line ${lineNumber}: ${reason}`, { cause: error });
    }
  };
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield* read(line);
  }
  rest += decoder.decode();
  if (rest !== '') yield* read(rest);
}
