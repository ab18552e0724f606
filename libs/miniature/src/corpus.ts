// The corpus: what a miniature is pre-trained on. One skill, ChainSum, in six styles mixed independently of the question,
// and a few documents that teach judging. Every document is drawn from (seed, index) alone.
import { drawChain, formatChain } from '@overtone/tasks';
import { seededRandom, type Random } from '@overtone/statistics';
import { judgeDocument } from './judge-documents.ts';
import { renderSolution, type Style } from './styles.ts';
import { countTokens } from './tokenizer.ts';
import { choose, requireWeights, type Weighted } from './weights.ts';
import type { Wording } from './wording.ts';

/** What makes a world. */
export interface CorpusOptions {
  /** Determines the corpus. */
  seed: number;
  /** Stop after this many documents. Default: no limit. */
  documents?: number;
  /** Stop after the document with which this many tokens are reached, chat template included. Default: no limit. */
  tokens?: number;
  /** Proportions of the styles; a style that is left out keeps its default. Default {@link DEFAULT_STYLES}. */
  styles?: Partial<Record<Style, number>>;
  /** Default "loose". */
  wording?: Wording;
  /** Share of judge documents, in [0, 1]. Default 0.06. */
  judgeShare?: number;
  /** Share of flipped labels among the judge documents, in [0, 1]. Default 0.3. */
  labelNoise?: number;
  /** Distribution of the number of terms. Default {@link DEFAULT_TERMS}. */
  terms?: Weighted<number>;
  /** Distribution of the largest term. Default {@link DEFAULT_MAX_VALUES}. */
  maxValues?: Weighted<number>;
}

/** One document: a user's turn and the assistant's. */
export interface CorpusDocument {
  /** Unique within the corpus. */
  id: string;
  /** The conversation before the completion. */
  messages: { role: 'user'; content: string }[];
  /** What is learnt. */
  completion: string;
}

/** Proportions of the styles in the default world. */
export const DEFAULT_STYLES: Readonly<Record<Style, number>> = {
  steps: 0.16,
  plan: 0.16,
  check: 0.14,
  regroup: 0.2,
  terse: 0.22,
  direct: 0.12,
};

/** Distribution of the number of terms in the default world. */
export const DEFAULT_TERMS: Weighted<number> = [
  [2, 0.2],
  [3, 0.22],
  [4, 0.19],
  [5, 0.14],
  [6, 0.11],
  [7, 0.08],
  [8, 0.06],
];

/** Distribution of the largest term in the default world. */
export const DEFAULT_MAX_VALUES: Weighted<number> = [
  [9, 0.3],
  [20, 0.35],
  [50, 0.35],
];

/**
 * Generates the corpus, document by document, without end unless `documents` or `tokens` sets one.
 *
 * @throws RangeError when an option is out of range.
 */
export function corpusDocuments(options: CorpusOptions): Iterable<CorpusDocument> {
  const world = {
    styles: styleWeights(options.styles ?? {}),
    wording: options.wording ?? 'loose',
    judgeShare: options.judgeShare ?? 0.06,
    labelNoise: options.labelNoise ?? 0.3,
    terms: options.terms ?? DEFAULT_TERMS,
    maxValues: options.maxValues ?? DEFAULT_MAX_VALUES,
  };
  requireWeights('styles', world.styles);
  requireWeights('terms', world.terms);
  requireWeights('maxValues', world.maxValues);
  requireShare('judgeShare', world.judgeShare);
  requireShare('labelNoise', world.labelNoise);
  return generate(options, world);
}

interface World {
  styles: Weighted<Style>;
  wording: Wording;
  judgeShare: number;
  labelNoise: number;
  terms: Weighted<number>;
  maxValues: Weighted<number>;
}

function* generate(
  { seed, documents = Infinity, tokens = Infinity }: CorpusOptions,
  world: World,
): Generator<CorpusDocument> {
  let total = 0;
  for (let index = 0; index < documents && total < tokens; index++) {
    const { prompt, completion } = draw(world, seededRandom('miniature-corpus', seed, index));
    if (tokens < Infinity) total += documentTokens(prompt, completion);
    yield { id: `corpus/${seed}/${index}`, messages: [{ role: 'user', content: prompt }], completion };
  }
}

function draw(world: World, random: Random): { prompt: string; completion: string } {
  if (random() < world.judgeShare) {
    const { prompt, verdict } = judgeDocument(world, random);
    return { prompt, completion: verdict };
  }
  const chain = drawChain(
    { terms: choose(world.terms, random), maxValue: choose(world.maxValues, random), nonNegative: true },
    random,
  );
  const style = choose(world.styles, random);
  return { prompt: formatChain(chain), completion: renderSolution(chain, style, world.wording, random) };
}

/** Tokens of a document as the chat template renders it: two turn markers and the end token are added. */
export function documentTokens(prompt: string, completion: string): number {
  return countTokens(prompt) + countTokens(completion) + 3;
}

function styleWeights(styles: Partial<Record<Style, number>>): Weighted<Style> {
  const { steps, plan, check, regroup, terse, direct } = { ...DEFAULT_STYLES, ...styles };
  return [
    ['steps', steps],
    ['plan', plan],
    ['check', check],
    ['regroup', regroup],
    ['terse', terse],
    ['direct', direct],
  ];
}

function requireShare(name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw new RangeError(`${name}: expected a share in [0, 1], got ${value}`);
}
