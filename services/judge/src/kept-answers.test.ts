import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CompareRequest, type CompareResponse, Outcome } from '@overtone/contracts';
import type { JudgeBackend } from '@overtone/judging';
import { unavailable } from '@overtone/rpc';
import { afterAll, describe, expect, it } from 'vitest';
import { AnswerFile } from './answer-file.ts';
import { KeptAnswers } from './kept-answers.ts';

const folder = mkdtempSync(join(tmpdir(), 'overtone-answers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const none = new AbortController().signal;

/** A judge that is paid for every comparison, and takes its time. */
function paidJudge(fails: (times: number) => boolean = () => false) {
  const paid: string[] = [];
  const backend: JudgeBackend = {
    describe: async () => ({ name: 'paid', backend: 'test', fingerprint: 'f', costBound: undefined }),
    async *compare(requests): AsyncGenerator<CompareResponse> {
      for await (const { id, first } of requests) {
        paid.push(first);
        await delay(20);
        if (fails(paid.length)) throw unavailable('down');
        const usage = { promptTokens: 10, completionTokens: 1 };
        yield { id, preferenceFirst: 0.9, outcome: Outcome.OUTCOME_FIRST, rationale: first, usage };
      }
    },
  };
  return { backend, paid };
}

async function* requestsOf(texts: readonly string[]): AsyncGenerator<CompareRequest> {
  for (const [id, first] of texts.entries()) yield { id: String(id), question: 'q', first, second: 'x' };
}

async function answersTo(judge: JudgeBackend, texts: readonly string[], signal = none) {
  const answers = new Map<string, string>();
  for await (const { id, rationale } of judge.compare(requestsOf(texts), signal)) answers.set(id, rationale);
  return answers;
}

const TEXTS = Array.from({ length: 9 }, (_, at) => `solution ${at}`);

describe('a judge that keeps what it was paid for', () => {
  it('finishes what a caller left, begins nothing more of it, and does not pay again when it is asked again', async () => {
    const { backend, paid } = paidJudge();
    const judge = new KeptAnswers(backend, { concurrency: 2 });
    const left = new AbortController();
    const first = answersTo(judge, TEXTS, left.signal);
    setTimeout(() => left.abort(new Error('gone')), 50);
    await expect(first).rejects.toThrow('gone');
    await delay(60);
    const before = paid.length;
    expect(before).toBeLessThan(TEXTS.length);
    const answers = await answersTo(judge, TEXTS);
    expect([...answers.values()].sort()).toEqual(TEXTS);
    expect(paid.toSorted()).toEqual(TEXTS);
  });

  it('asks once what two callers ask at a time', async () => {
    const { backend, paid } = paidJudge();
    const judge = new KeptAnswers(backend, { concurrency: 3 });
    const all = await Promise.all([answersTo(judge, TEXTS), answersTo(judge, TEXTS)]);
    expect(all.map(({ size }) => size)).toEqual([9, 9]);
    expect(paid.toSorted()).toEqual(TEXTS);
  });

  it('keeps no failure', async () => {
    const { backend, paid } = paidJudge((times) => times === 1);
    const judge = new KeptAnswers(backend, { concurrency: 1 });
    await expect(answersTo(judge, ['a'])).rejects.toThrow('down');
    expect((await answersTo(judge, ['a'])).size).toBe(1);
    expect(paid).toEqual(['a', 'a']);
  });

  it('keeps answers beyond its own end in a file, which does not grow for ever', async () => {
    const path = join(folder, 'answers.jsonl');
    const { backend, paid } = paidJudge();
    const opened = () => new KeptAnswers(backend, { concurrency: 9, file: new AnswerFile(path, 6), most: 6 });
    await answersTo(opened(), TEXTS.slice(0, 5));
    appendFileSync(path, '{"key":"torn');
    await answersTo(opened(), TEXTS.slice(0, 6));
    expect(paid.toSorted()).toEqual(TEXTS.slice(0, 6));
    await answersTo(
      opened(),
      Array.from({ length: 40 }, (_, at) => `more ${at}`),
    );
    expect(readFileSync(path, 'utf8').split('\n').filter(Boolean).length).toBeLessThanOrEqual(12);
  });
});
