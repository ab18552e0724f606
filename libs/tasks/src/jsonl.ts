// Problems from a JSONL file: one object a line, also compressed.
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, zstdDecompress } from 'node:zlib';
import type { LoadedProblem } from './problem.ts';
import { problemsOf, type RecordOptions } from './record.ts';

const DECOMPRESSORS = new Map<string, (bytes: Buffer) => Promise<Buffer>>([
  ['gz', promisify(gunzip)],
  ['br', promisify(brotliDecompress)],
  ['zst', promisify(zstdDecompress)],
]);

/**
 * Reads a JSONL file of problems.
 *
 * @param path the file, UTF-8; compressed where its name ends in .gz, .br or .zst.
 * @throws Error that names the file, the line and the field when something is not what was expected, or when the file is
 *   empty.
 */
export async function loadJsonl(path: string, options: RecordOptions = {}): Promise<LoadedProblem[]> {
  return parseJsonl(await readText(path, options.signal), path, options);
}

/**
 * Parses JSONL text to problems; blank lines are skipped.
 *
 * @param source what to call the text in errors, usually its path.
 * @throws Error that names the source, the line and the field.
 */
export function parseJsonl(text: string, source: string, options: RecordOptions = {}): LoadedProblem[] {
  return problemsOf(records(text, source), source, options);
}

function* records(text: string, source: string): Generator<{ place: string; value: unknown }> {
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const place = `:${index + 1}`;
    try {
      yield { place, value: JSON.parse(line) as unknown };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new Error(`${source}${place}: not JSON (${error.message})`, { cause: error });
    }
  }
}

async function readText(path: string, signal: AbortSignal | undefined): Promise<string> {
  const bytes = await readFile(path, { signal }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new Error(`${path}: no such file`, { cause: error });
    }
    throw error;
  });
  const extension = path.slice(path.lastIndexOf('.') + 1).toLowerCase();
  const decompress = DECOMPRESSORS.get(extension);
  if (decompress === undefined) return bytes.toString('utf8');
  try {
    return (await decompress(bytes)).toString('utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${path}: is truncated, or not compressed as .${extension} says (${reason})`, {
      cause: error,
    });
  }
}
