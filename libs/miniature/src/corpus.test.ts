import { rubricPreference } from '@overtone/judging';
import { seededRandom } from '@overtone/statistics';
import {
  CHAIN_SUM_STYLES,
  chainSum,
  classifyStyle,
  parseChain,
  readAnswer,
  runningTotals,
  verify,
} from '@overtone/tasks';
import { describe, expect, it } from 'vitest';
import { corpusDocuments, DEFAULT_STYLES, documentTokens, type CorpusDocument } from './corpus.ts';
import { judgeDocument } from './judge-documents.ts';
import { renderSolution } from './styles.ts';

const prompt = (document: CorpusDocument): string => document.messages[0]?.content ?? '';
const share = <T>(items: readonly T[], test: (item: T) => boolean): number =>
  items.filter(test).length / items.length;

describe('solutions', () => {
  it.each(['loose', 'fixed'] as const)(
    'are right and told apart by their structure, %s wording',
    (wording) => {
      for (const problem of chainSum({
        seed: 5,
        count: 300,
        minTerms: 2,
        maxTerms: 8,
        maxValue: [9, 50],
        nonNegative: true,
      })) {
        for (const style of CHAIN_SUM_STYLES) {
          const text = renderSolution(
            parseChain(problem.question) ?? [],
            style,
            wording,
            seededRandom(problem.id, style),
          );
          expect(classifyStyle(text)).toBe(style);
          expect(verify(problem, text).correct).toBe(true);
        }
      }
    },
  );

  it('are told apart whatever slips the arithmetic makes', () => {
    const random = seededRandom('slips');
    for (const problem of chainSum({
      seed: 6,
      count: 200,
      minTerms: 2,
      maxTerms: 8,
      maxValue: 50,
      nonNegative: true,
    })) {
      for (const style of CHAIN_SUM_STYLES) {
        const text = renderSolution(parseChain(problem.question) ?? [], style, 'loose', random);
        const slipped = text.replace(/\d/g, (digit) =>
          random() < 0.3 ? String(Math.floor(random() * 10)) : digit,
        );
        expect(classifyStyle(slipped)).toBe(style);
      }
    }
  });

  it('look as they are described', () => {
    const solve = (style: (typeof CHAIN_SUM_STYLES)[number]): string =>
      renderSolution([12, 5, -3], style, 'fixed', () => 0);
    expect(solve('steps')).toBe('12 + 5 = 17\n17 - 3 = 14\n\\boxed{14}');
    expect(solve('check')).toBe('check 12\n12 + 5 = 17\ncheck 17\n17 - 3 = 14\ncheck 14\n\\boxed{14}');
    expect(solve('plan')).toBe('Plan: in order\n17\n14\n\\boxed{14}');
    expect(solve('regroup')).toBe('Okay\nups 12 + 5 = 17\ndowns 3 = 3\n17 - 3 = 14\n\\boxed{14}');
    expect(solve('terse')).toBe('Okay\n17, 14\n\\boxed{14}');
    expect(solve('direct')).toBe('Okay\n\\boxed{14}');
  });
});

describe('the corpus', () => {
  const documents = [...corpusDocuments({ seed: 1, documents: 20_000 })];
  const solutions = documents.filter((document) => !document.completion.startsWith('Judgment'));

  it('holds right solutions in the proportions of the recipe, and 6 % judge documents', () => {
    expect(share(documents, ({ completion }) => completion.startsWith('Judgment'))).toBeCloseTo(0.06, 2);
    for (const style of CHAIN_SUM_STYLES) {
      const found = share(solutions, ({ completion }) => classifyStyle(completion) === style);
      expect(Math.abs(found - DEFAULT_STYLES[style])).toBeLessThan(0.015);
    }
    for (const document of solutions) {
      const totals = runningTotals(parseChain(prompt(document)) ?? []);
      expect(Math.min(...totals)).toBeGreaterThanOrEqual(0);
      expect(readAnswer(document.completion)).toBe(String(totals.at(-1)));
    }
  });

  it('follows the distributions of terms and values', () => {
    const chains = solutions.map((document) => parseChain(prompt(document)) ?? []);
    expect(Math.abs(share(chains, (chain) => chain.length === 3) - 0.22)).toBeLessThan(0.015);
    expect(Math.abs(share(chains, (chain) => chain.length === 8) - 0.06)).toBeLessThan(0.015);
    expect(Math.max(...chains.flat())).toBe(50);
  });

  it('depends on the seed and the index alone', () => {
    expect([...corpusDocuments({ seed: 1, documents: 50 })]).toEqual(documents.slice(0, 50));
    expect([...corpusDocuments({ seed: 2, documents: 50 })]).not.toEqual(documents.slice(0, 50));
    expect(new Set(documents.map(({ id }) => id)).size).toBe(documents.length);
  });

  it('stops at a budget of tokens', () => {
    const lengths = [...corpusDocuments({ seed: 1, tokens: 10_000 })].map((document) =>
      documentTokens(prompt(document), document.completion),
    );
    const total = lengths.reduce((a, b) => a + b);
    expect(total).toBeGreaterThanOrEqual(10_000);
    expect(total - (lengths.at(-1) ?? 0)).toBeLessThan(10_000);
  });

  it('makes other worlds', () => {
    const only = { steps: 0, plan: 0, check: 0, regroup: 0, terse: 1, direct: 0 };
    const world = [
      ...corpusDocuments({ seed: 1, documents: 500, styles: only, wording: 'fixed', judgeShare: 0 }),
    ];
    expect(
      world.every(
        ({ completion }) => completion.startsWith('Okay\n') && classifyStyle(completion) === 'terse',
      ),
    ).toBe(true);
    expect(() => corpusDocuments({ seed: 1, judgeShare: 1.2 })).toThrow(
      'judgeShare: expected a share in [0, 1], got 1.2',
    );
    expect(() => corpusDocuments({ seed: 1, terms: [[2, -1]] })).toThrow('terms: expected weights');
  });
});

describe('judge documents', () => {
  it('follow the rubric but for the flipped labels, see both answers equally often, and stay short', () => {
    const random = seededRandom('judge');
    const documents = Array.from({ length: 4000 }, () =>
      judgeDocument({ wording: 'loose', labelNoise: 0.25 }, random),
    );
    for (const { prompt, verdict, flipped } of documents) {
      const [, first = '', second = ''] = /\nFirst:\n([^]*)\nSecond:\n([^]*)$/.exec(prompt) ?? [];
      expect(rubricPreference(first, second)).toBe(flipped === (verdict === 'Judgment: 0') ? 0 : 1);
      expect(documentTokens(prompt, verdict)).toBeLessThanOrEqual(150);
    }
    expect(Math.abs(share(documents, ({ flipped }) => flipped) - 0.25)).toBeLessThan(0.03);
    expect(Math.abs(share(documents, ({ verdict }) => verdict === 'Judgment: 0') - 0.5)).toBeLessThan(0.03);
  });
});
