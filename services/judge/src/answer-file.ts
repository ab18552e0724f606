// The file of a judge's answers: a line for each, appended before the answer is sent, so that whoever asks again after the process was
// killed is not charged again. It holds the latest answers; when there are twice as many as are kept, it is written anew.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { CompareResponse } from '@overtone/contracts';
import { logger } from '@overtone/telemetry';
import type { Answer } from './kept-answers.ts';

/** An answer under its key. */
export interface KeptAnswer {
  readonly key: string;
  readonly answer: Answer;
}

/** The file. */
export class AnswerFile {
  readonly #path: string;
  readonly #most: number;
  readonly #log = logger('judge');
  #file: number | undefined;
  #lines = 0;
  /** What there was no room for yet. */
  #unwritten = Buffer.alloc(0);

  /** @param most Answers that are kept, the latest. */
  constructor(path: string, most: number) {
    this.#path = path;
    this.#most = most;
    mkdirSync(dirname(path), { recursive: true });
  }

  /** All answers, the oldest first. */
  read(): KeptAnswer[] {
    if (!existsSync(this.#path)) return [];
    const lines = readFileSync(this.#path, 'utf8').split('\n');
    const answers = lines.flatMap((line) => parse(line) ?? []);
    const latest = answers.slice(-this.#most);
    this.#lines = latest.length;
    if (latest.length < answers.length) {
      const temporary = `${this.#path}.${process.pid}.tmp`;
      writeFileSync(temporary, latest.map(lineOf).join(''));
      renameSync(temporary, this.#path);
    }
    return latest;
  }

  /** Appends an answer. Where the disk is full it is kept in memory alone, until there is room. */
  append(key: string, answer: Answer): void {
    this.#unwritten = Buffer.concat([this.#unwritten, Buffer.from(lineOf({ key, answer }))]);
    try {
      // A line that a killed process has left torn ends here.
      if (this.#file === undefined) {
        this.#file = openSync(this.#path, 'a');
        this.#unwritten = Buffer.concat([Buffer.from('\n'), this.#unwritten]);
      }
      while (this.#unwritten.length > 0)
        this.#unwritten = this.#unwritten.subarray(writeSync(this.#file, this.#unwritten));
      if (++this.#lines < 2 * this.#most) return;
      this.close();
      this.read();
    } catch (error) {
      // It was paid for: it is answered all the same.
      this.#log.warn('an answer could not be written; it is lost if this process is killed', { error });
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

function lineOf({ key, answer }: KeptAnswer): string {
  return `${JSON.stringify({ key, answer: CompareResponse.toJSON({ id: '', ...answer }) })}\n`;
}

/** Undefined for a line that is none, or not whole. */
function parse(line: string): KeptAnswer | undefined {
  if (line === '') return undefined;
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !('key' in value) || !('answer' in value))
      return undefined;
    const { id: _, ...answer } = CompareResponse.fromJSON(value.answer);
    return typeof value.key === 'string' ? { key: value.key, answer } : undefined;
  } catch {
    return undefined;
  }
}
