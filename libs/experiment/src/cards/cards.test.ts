import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@overtone/statistics';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../input-error.ts';
import { cardsOfFile } from './file-cards.ts';
import { cardsOfRun } from './run-cards.ts';

const folder = mkdtempSync(join(tmpdir(), 'overtone-cards-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Verdict {
  i: number;
  j: number;
  forward?: number | null;
  backward?: number | null;
}

/** A question with four solutions, the first of which is the best, shuffled. */
function question(index: number) {
  const random = seededRandom('cards', index);
  const rank = [0, 1, 2, 3]
    .map((value) => ({ value, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
  const pairs = (verdict: (better: boolean) => number): Verdict[] =>
    rank.flatMap((own, i) =>
      rank.slice(i + 1).map((other, k) => {
        const preference = verdict(own < other);
        return { i, j: i + 1 + k, forward: preference, backward: preference };
      }),
    );
  return {
    id: `q${index}`,
    question: `question ${index}`,
    solutions: rank.map((value) => ({
      text: `solution ${value} of ${index}`,
      meanEntropy: 0.2 + value,
      tokens: 10,
    })),
    verdicts: {
      strong: pairs((better) => (better ? 1 : 0)),
      weak: pairs((better) => (better === random() >= 0.1 ? 0.8 : 0.2)),
      adverse: pairs((better) => (better ? 0.1 : 0.9)),
    },
  };
}

let files = 0;
function file(...lines: readonly unknown[]): string {
  const path = join(folder, `verdicts-${files++}.jsonl`);
  writeFileSync(
    path,
    lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
  );
  return path;
}

const many = Array.from({ length: 40 }, (_, index) => question(index));

describe('cards of a file', () => {
  it('hold every judge, and the entropies, against the stronger judge', async () => {
    const { cards, questions, unsaturated } = await cardsOfFile(file(...many), { audit: 'strong' });
    expect([questions, unsaturated]).toEqual([40, 0]);
    expect(
      cards.map(({ name, method, judge, recommendation }) => [name, method, judge, recommendation]),
    ).toEqual([
      ['weak', 'bradley-terry', 'weak', 'use'],
      ['adverse', 'bradley-terry', 'adverse', 'do not train'],
      ['entropy', 'inverse-entropy', null, 'use'],
    ]);
    const [weak, adverse, entropy] = cards;
    expect(weak?.auditedPairs).toBe(240);
    expect(weak?.kappa).toBeGreaterThan(0.7);
    expect(adverse?.flipRate?.value).toBe(1);
    expect(entropy?.flipRate?.value).toBe(0);
    expect(entropy?.reliability).toEqual([]);
  });

  it('say that nothing is audited', async () => {
    const { cards } = await cardsOfFile(file(...many));
    expect(cards.map(({ name }) => name)).toEqual(['strong', 'weak', 'adverse', 'entropy']);
    for (const card of cards) {
      expect(card.recommendation).toBe('do not train');
      expect(card.reason).toMatch(/^Unaudited/);
      expect(card.groupsNeeded).toBeGreaterThan(0);
    }
  });

  it('leave questions out that are not saturated, and take verdicts that were unreadable as such', async () => {
    const [first, second, third] = many;
    const wrong = {
      ...second,
      solutions: second?.solutions.map((solution) => ({ ...solution, correct: false })),
    };
    const unreadable = {
      ...third,
      verdicts: {
        weak: [
          { i: 0, j: 1, forward: null, backward: 0.9 },
          { i: 0, j: 2 },
        ],
      },
    };
    const { cards, questions, unsaturated } = await cardsOfFile(file(first, '', wrong, unreadable), {
      audit: 'strong',
    });
    expect([questions, unsaturated]).toEqual([3, 1]);
    const weak = cards.find(({ name }) => name === 'weak');
    expect(weak?.groups).toBe(2);
    expect(weak?.unreadable).toBeCloseTo(3 / 16, 12);
  });

  it.each<[string, unknown[], string | undefined, RegExp]>([
    ['no JSON', [many[0], '{"id": '], undefined, /line 2: is not JSON/],
    ['no text', [{ ...many[0], solutions: [{ tokens: 3 }] }], undefined, /line 1: solutions\[0\]\.text: /],
    [
      'no probability',
      [{ ...many[0], verdicts: { weak: [{ i: 0, j: 1, forward: 2 }] } }],
      undefined,
      /line 1: verdicts\.weak\[0\]\.forward: /,
    ],
    [
      'no solution',
      [{ ...many[0], verdicts: { weak: [{ i: 0, j: 9, forward: 1 }] } }],
      undefined,
      /line 1: verdicts\.weak\[0\]\.j: is 9, out of range/,
    ],
    [
      'an audit of no solution',
      [{ ...many[0], verdicts: { ...many[0]?.verdicts, strong: [{ i: 1, j: 0 }] } }],
      'strong',
      /line 1: verdicts\.strong\[0\]: pairs 1 with 0; expected i < j/,
    ],
    ['a question twice', [many[0], many[0]], undefined, /line 2: id: "q0" has occurred before/],
    ['an unknown judge', [many[0]], 'stronk', /--audit: unknown judge "stronk", did you mean "strong"/],
    ['nothing', [''], undefined, /has no question/],
    [
      'nothing to assess',
      [{ id: 'q', solutions: [{ text: 'a' }, { text: 'b' }] }],
      undefined,
      /has nothing to assess in 1 question/,
    ],
  ])('refuse %s by line and field', async (_, lines, audit, message) => {
    const cards = cardsOfFile(file(...lines), { audit });
    await expect(cards).rejects.toThrow(message);
    await expect(cards).rejects.toBeInstanceOf(InputError);
  });
});

describe('cards of a run', () => {
  it('refuse a folder without one', async () => {
    await expect(cardsOfRun(folder)).rejects.toThrow(/holds no run: there is no manifest\.json/);
  });
});
