import { appendFileSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VerdictIndex } from './verdict-index.ts';
import { verdictKey, VerdictLog } from './verdict-log.ts';

const newPath = (): string => join(mkdtempSync(join(tmpdir(), 'overtone-log-')), 'judges', 'j.jsonl');
const usage = { promptTokens: 10, completionTokens: 2 };
const key = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

describe('the verdict log', () => {
  it('knows after it is opened again what it was told, and what each run has spent', async () => {
    const path = newPath();
    const first = await VerdictLog.open(path, 'one');
    first.add(key('a'), 0.123456789012345, usage);
    first.add(key('b'), undefined, usage);
    expect(first.get(key('c'))).toBeUndefined();
    first.close();
    const second = await VerdictLog.open(path, 'two');
    expect(second.get(key('a'))).toEqual({ preference: 0.123456789012345 });
    expect(second.get(key('b'))).toEqual({ preference: undefined });
    expect(second.spent).toEqual({ calls: 0, promptTokens: 0, completionTokens: 0 });
    second.add(key('c'), 0, usage);
    second.close();
    const again = await VerdictLog.open(path, 'one');
    expect([again.size, again.spent]).toEqual([3, { calls: 2, promptTokens: 20, completionTokens: 4 }]);
    again.close();
  });

  it('outlasts a line that a killed process did not finish', async () => {
    const path = newPath();
    const killed = await VerdictLog.open(path, 'one');
    killed.add(key('a'), 1, usage);
    killed.close();
    appendFileSync(path, '{"key":"0123');
    const next = await VerdictLog.open(path, 'one');
    next.add(key('b'), 0, usage);
    next.close();
    const last = await VerdictLog.open(path, 'one');
    expect([last.get(key('a')), last.get(key('b'))]).toEqual([{ preference: 1 }, { preference: 0 }]);
    last.close();
    expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(3);
  });

  it('counts what was asked for and never came, also when it was asked for again', async () => {
    const path = newPath();
    const log = await VerdictLog.open(path, 'one');
    for (const name of ['lost', 'failed', 'answered', 'twice', 'twice']) log.ask(key(name), usage);
    log.fail(key('failed'));
    log.add(key('answered'), 1, usage);
    log.add(key('twice'), 1, usage);
    log.close();
    const next = await VerdictLog.open(path, 'one');
    expect(next.unsettled.map((each) => each.key).sort()).toEqual([key('lost'), key('twice')].sort());
    expect(next.spent.calls).toBe(2);
    next.close();
  });

  it('refuses a file that is no log', async () => {
    const path = newPath();
    (await VerdictLog.open(path, 'one')).close();
    appendFileSync(path, 'Dear diary,\nnothing happened.\n');
    await expect(VerdictLog.open(path, 'one')).rejects.toThrow(/j\.jsonl:1: not a line of a verdict log/);
  });

  it('has keys of the judge, the question and the order', () => {
    const keys = [
      verdictKey('j', 'q', 'a', 'b'),
      verdictKey('j', 'q', 'b', 'a'),
      verdictKey('k', 'q', 'a', 'b'),
      verdictKey('j', 'qa', '', 'b'),
    ];
    expect(new Set(keys).size).toBe(4);
  });
});

describe('the index', () => {
  it('is a map, also after it has grown', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.nat(2000).map((n) => key(String(n))),
            fc.double({ noNaN: false }),
          ),
          { maxLength: 3000 },
        ),
        (entries) => {
          const index = new VerdictIndex(8);
          const map = new Map<string, number>();
          for (const [name, value] of entries) {
            index.set(name, value);
            map.set(name, value);
          }
          expect(index.size).toBe(map.size);
          for (const [name, value] of map) expect(Object.is(index.get(name), value)).toBe(true);
          expect(index.get(key('none'))).toBeUndefined();
        },
      ),
      { numRuns: 30 },
    );
  });
});
