// The verdict log: every verdict that a judge was ever paid for, in one append-only file per judge beside the artifacts. A verdict lies
// under the hash of the judge, the question and both solutions in their order, so that no run, plan or chunk pays for it again.
//
//   {"key":"…","by":"…","asked":[promptTokens,completionTokens]}    about to be asked for: the most that it may cost
//   {"key":"…","by":"…","preference":0.97,"usage":[312,4]}          answered; null is unreadable
//   {"key":"…","by":"…","failed":true}                              not answered: the judge failed
//
// `by` is the run that asked. A line is written at once: a process that is killed loses what is in flight, and no more. What a full disk
// has no room for waits in memory.
import {
  createReadStream,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  fstatSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { createHash } from 'node:crypto';
import type { Usage } from '@overtone/contracts';
import { z } from 'zod';
import { isDiskFull } from '../full-disk.ts';
import { VerdictIndex } from './verdict-index.ts';

const tokens = z.tuple([z.number(), z.number()]);
const line = z.object({
  key: z.string().regex(/^[0-9a-f]{32}$/),
  by: z.string(),
  asked: tokens.optional(),
  preference: z.number().nullable().optional(),
  usage: tokens.optional(),
  failed: z.literal(true).optional(),
});

/** What a run has spent on a judge. */
export interface Spending {
  /** Comparisons that were answered. */
  calls: number;
  promptTokens: number;
  completionTokens: number;
}

/** What a process that was killed had asked for, and may have to pay without having had an answer. */
export interface Unsettled {
  readonly key: string;
  readonly bound: Usage;
}

/** A verdict that is in the log: the preference for the solution shown first, undefined when it was unreadable. */
export interface LoggedVerdict {
  readonly preference: number | undefined;
}

/** The key of a verdict: 128 bits in hexadecimal digits. */
export function verdictKey(fingerprint: string, question: string, first: string, second: string): string {
  return createHash('sha256')
    .update(JSON.stringify([fingerprint, question, first, second]))
    .digest('hex')
    .slice(0, 32);
}

/** The log of one judge. */
export class VerdictLog {
  readonly #index: VerdictIndex;
  readonly #run: string;
  readonly #file: number;
  #unwritten = Buffer.alloc(0);
  /** What the run has spent, over all of its sittings. */
  readonly spent: Readonly<Spending>;
  readonly #spent: Spending;
  /** What earlier sittings of the run asked for, and never heard of. */
  readonly unsettled: readonly Unsettled[];

  /**
   * Opens or creates a log.
   *
   * @param run the run that asks from now on.
   * @throws Error that names a line which is none of a log.
   */
  static async open(path: string, run: string): Promise<VerdictLog> {
    const index = new VerdictIndex();
    const spent: Spending = { calls: 0, promptTokens: 0, completionTokens: 0 };
    const open = new Map<string, Usage>();
    const lost: Unsettled[] = [];
    if (existsSync(path)) {
      let number = 0;
      let broken: string | undefined;
      for await (const text of createInterface({ input: createReadStream(path) })) {
        number++;
        if (text === '') continue;
        const parsed = parseLine(text);
        if (parsed === undefined) {
          // The end of a line that a killed process began; the next one starts on a line of its own.
          broken ??= `${path}:${number}: not a line of a verdict log`;
          continue;
        }
        const { key, by, asked, preference, usage } = parsed;
        if (preference !== undefined) index.set(key, preference ?? Number.NaN);
        if (by !== run) continue;
        if (asked !== undefined) {
          const before = open.get(key);
          // Asked for again: what was asked for before never came.
          if (before !== undefined) lost.push({ key, bound: before });
          open.set(key, { promptTokens: asked[0], completionTokens: asked[1] });
          continue;
        }
        open.delete(key);
        if (preference === undefined) continue;
        spent.calls++;
        spent.promptTokens += usage?.[0] ?? 0;
        spent.completionTokens += usage?.[1] ?? 0;
      }
      if (index.size === 0 && broken !== undefined && number > 1) throw new Error(broken);
    }
    const unsettled = [...lost, ...[...open].map(([key, bound]) => ({ key, bound }))];
    return new VerdictLog(path, run, index, spent, unsettled);
  }

  private constructor(
    path: string,
    run: string,
    index: VerdictIndex,
    spent: Spending,
    unsettled: readonly Unsettled[],
  ) {
    mkdirSync(dirname(path), { recursive: true });
    this.#file = openSync(path, 'a+');
    this.#run = run;
    this.#index = index;
    this.#spent = spent;
    this.spent = spent;
    this.unsettled = unsettled;
    const { size } = fstatSync(this.#file);
    const last = Buffer.alloc(1);
    if (size > 0 && readSync(this.#file, last, 0, 1, size - 1) === 1 && last[0] !== 10)
      writeSync(this.#file, '\n');
  }

  /** Verdicts in the log. */
  get size(): number {
    return this.#index.size;
  }

  /** The verdict under a key; undefined when nobody has paid for it yet. */
  get(key: string): LoggedVerdict | undefined {
    const preference = this.#index.get(key);
    if (preference === undefined) return undefined;
    return { preference: Number.isNaN(preference) ? undefined : preference };
  }

  /** Notes that a verdict is about to be asked for, and the most that it may cost. */
  ask(key: string, bound: Usage): void {
    this.#write({ key, asked: [bound.promptTokens, bound.completionTokens] });
  }

  /** Notes that the judge failed: there will be no answer. */
  fail(key: string): void {
    this.#write({ key, failed: true });
  }

  /** Notes a verdict and what it cost. @param preference undefined when it was unreadable. */
  add(key: string, preference: number | undefined, { promptTokens, completionTokens }: Usage): void {
    this.#write({ key, preference: preference ?? null, usage: [promptTokens, completionTokens] });
    this.#index.set(key, preference ?? Number.NaN);
    this.#spent.calls++;
    this.#spent.promptTokens += promptTokens;
    this.#spent.completionTokens += completionTokens;
  }

  /** Writes what there was no room for. @returns whether all is written. */
  flush(): boolean {
    try {
      while (this.#unwritten.length > 0)
        this.#unwritten = this.#unwritten.subarray(writeSync(this.#file, this.#unwritten));
      return true;
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      return false;
    }
  }

  close(): void {
    this.flush();
    closeSync(this.#file);
  }

  #write(content: Omit<z.infer<typeof line>, 'by'>): void {
    const text = `${JSON.stringify({ ...content, by: this.#run })}\n`;
    this.#unwritten = Buffer.concat([this.#unwritten, Buffer.from(text)]);
    this.flush();
  }
}

function parseLine(text: string): z.infer<typeof line> | undefined {
  try {
    const parsed = line.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
