// Answers that cost money, kept for whoever asks again: a comparison that was begun is finished and kept, also when nobody waits for it
// any more, so that a caller whose connection broke, or who was killed, gets what was paid for and pays for nothing twice.
//
// In a file, what was answered also outlives the process. Only what is at the API when the process is killed is lost.
import { createHash } from 'node:crypto';
import type { CompareRequest, CompareResponse, DescribeResponse } from '@overtone/contracts';
import type { JudgeBackend } from '@overtone/judging';
import { abortable, mapConcurrent, until } from '@overtone/rpc';
import type { AnswerFile } from './answer-file.ts';

/** An answer to whoever asks for it. */
export type Answer = Omit<CompareResponse, 'id'>;

/** How answers are kept. */
export interface KeptAnswersOptions {
  /** Comparisons at a time, over all callers. */
  readonly concurrency: number;
  /** Most answers that are kept, the latest. Default 4096. */
  readonly most?: number;
  /** Keeps them beyond this process. Default: nothing does. */
  readonly file?: AnswerFile | undefined;
}

/** More than callers have in flight. */
export const MOST_ANSWERS = 4096;

/** A judge that keeps what it was paid for. */
export class KeptAnswers implements JudgeBackend {
  readonly #backend: JudgeBackend;
  readonly #concurrency: number;
  readonly #most: number;
  readonly #file: AnswerFile | undefined;
  /** By key, the oldest first. */
  readonly #kept = new Map<string, Answer>();
  /** What is being asked. */
  readonly #open = new Map<string, Promise<Answer>>();
  readonly #closing = new AbortController();
  /** Those that wait until fewer are being asked, in their order. */
  readonly #waiting: (() => void)[] = [];
  #asking = 0;
  #fingerprint: string | undefined;

  constructor(backend: JudgeBackend, { concurrency, most = MOST_ANSWERS, file }: KeptAnswersOptions) {
    this.#backend = backend;
    this.#concurrency = concurrency;
    this.#most = most;
    this.#file = file;
    for (const { key, answer } of file?.read() ?? []) this.#keep(key, answer);
  }

  async describe(signal: AbortSignal): Promise<DescribeResponse> {
    const described = await this.#backend.describe(signal);
    this.#fingerprint = described.fingerprint;
    return described;
  }

  async *compare(
    requests: AsyncIterable<CompareRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<CompareResponse> {
    const stop = new AbortController();
    const failures: unknown[] = [];
    const answers = mapConcurrent(
      until(requests, stop.signal),
      async (request, ended): Promise<CompareResponse | undefined> => {
        try {
          return { id: request.id, ...(await this.#answer(request, ended)) };
        } catch (failure) {
          // Nothing more is begun; what is under way has been paid for, and still arrives.
          failures.push(failure);
          stop.abort();
          return undefined;
        }
      },
      { limit: this.#concurrency, signal },
    );
    for await (const answer of answers) if (answer !== undefined) yield answer;
    if (failures.length > 0) throw failures[0];
  }

  /** Waits for what is being asked, at most so long, and ends the rest. @param patienceMs Milliseconds. */
  async close(patienceMs: number): Promise<void> {
    const late = setTimeout(() => this.#closing.abort(new Error('the judge ends')), patienceMs);
    await Promise.allSettled(this.#open.values());
    clearTimeout(late);
    this.#closing.abort(new Error('the judge ends'));
  }

  async #answer(request: CompareRequest, signal: AbortSignal): Promise<Answer> {
    const key = await this.#keyOf(request, signal);
    for (;;) {
      const known = this.#kept.get(key);
      if (known !== undefined) return known;
      const open = this.#open.get(key);
      if (open !== undefined) return abortable(open, signal);
      if (this.#asking < this.#concurrency) return abortable(this.#begin(key, request), signal);
      // Whoever goes away while it waits has cost nothing.
      await abortable(new Promise<void>((resolve) => this.#waiting.push(resolve)), signal);
    }
  }

  /** Asks, and lets those that wait know when there is an answer. */
  #begin(key: string, request: CompareRequest): Promise<Answer> {
    this.#asking++;
    const asked = this.#ask(request)
      .then((answer) => {
        this.#keep(key, answer);
        this.#file?.append(key, answer);
        return answer;
      })
      .finally(() => {
        this.#open.delete(key);
        this.#asking--;
        for (const wake of this.#waiting.splice(0)) wake();
      });
    this.#open.set(key, asked);
    return asked;
  }

  async #ask(request: CompareRequest): Promise<Answer> {
    async function* single(): AsyncGenerator<CompareRequest> {
      yield request;
    }
    for await (const { id: _, ...answer } of this.#backend.compare(single(), this.#closing.signal))
      return answer;
    throw new Error('the judge ended without an answer');
  }

  #keep(key: string, answer: Answer): void {
    this.#kept.set(key, answer);
    if (this.#kept.size <= this.#most) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }

  async #keyOf({ question, first, second }: CompareRequest, signal: AbortSignal): Promise<string> {
    const fingerprint = this.#fingerprint ?? (await this.describe(signal)).fingerprint;
    const all = JSON.stringify([fingerprint, question, first, second]);
    return createHash('sha256').update(all).digest('hex').slice(0, 32);
  }
}
