// The cases: what is asked of Overtone and of its peers, with equal tokens.
import { readTokenizer, type Tokenizer } from '@overtone/language-model';
import { loadTemplate, renderTemplate, VERDICTS } from '@overtone/judging';
import { LORA } from './lora.ts';
import { type Measurement } from './results.ts';
import { type Shape } from './shapes.ts';
import { answeredQuestions, asking, promptOf, refreshed, type Answered } from './texts.ts';

export const TASKS = ['sampling', 'entropy', 'training', 'scoring', 'paper', 'growth'] as const;
export type Task = (typeof TASKS)[number];
/** Those that compare; growth is ours alone. */
export const COMPARED: readonly Task[] = TASKS.filter((task) => task !== 'growth');

/** Peers by what they run on; each in a process of its own. */
export type Peer =
  'transformers float32' | 'transformers bfloat16' | 'node-llama-cpp F32' | 'node-llama-cpp Q8_0';

type Request = (round: number) => Readonly<Record<string, unknown>>;

/** A case: requests for us and for each peer that takes part. */
export interface Case {
  readonly name: string;
  readonly note: string;
  readonly amount: number;
  readonly unit: Measurement['unit'];
  readonly ours: Request;
  /** A peer that is ourselves, done in another way. */
  readonly variant?: { readonly name: string; readonly request: Request };
  readonly peers: readonly { readonly peer: Peer; readonly request: Request }[];
}

interface Sizes {
  readonly prompt: number;
  readonly newTokens: number;
  readonly long: { readonly batch: number; readonly prompt: number; readonly newTokens: number };
  readonly group: { readonly samples: number; readonly prompt: number };
  readonly trained: number;
  readonly scored: number;
  readonly analysis: number;
}

const SIZES: Record<Shape, Sizes> = {
  miniature: {
    prompt: 24,
    newTokens: 48,
    long: { batch: 8, prompt: 400, newTokens: 64 },
    group: { samples: 32, prompt: 48 },
    trained: 32,
    scored: 64,
    analysis: 64,
  },
  'smollm2-135m': {
    prompt: 64,
    newTokens: 48,
    long: { batch: 4, prompt: 1024, newTokens: 32 },
    group: { samples: 8, prompt: 256 },
    trained: 8,
    scored: 16,
    analysis: 64,
  },
  'qwen3-0.6b': {
    prompt: 64,
    newTokens: 24,
    long: { batch: 2, prompt: 1024, newTokens: 16 },
    group: { samples: 8, prompt: 256 },
    trained: 4,
    scored: 8,
    analysis: 16,
  },
};

const TORCH: Peer = 'transformers float32';
/** Solutions of a question in the paper. */
const SOLUTIONS = 8;

/** What all cases of a shape are made from. */
interface Material {
  readonly shape: Shape;
  readonly sizes: Sizes;
  readonly tokenizer: Tokenizer;
  readonly texts: readonly Answered[];
}

/** The cases of a task. */
export async function casesOf(task: Task, shape: Shape, folder: string, quick: boolean): Promise<Case[]> {
  const sizes = quick ? smaller(SIZES[shape]) : SIZES[shape];
  const tokenizer = await readTokenizer(folder);
  const material = { shape, sizes, tokenizer, texts: await answeredQuestions(shape, 64) };
  switch (task) {
    case 'sampling':
      return sampling(material);
    case 'entropy':
      return entropy(material);
    case 'training':
      return training(material);
    case 'scoring':
      return scoring(material);
    case 'paper':
      return paper(material);
    case 'growth':
      return growth(material);
  }
}

/** A few seconds' worth, to see that everything works. */
function smaller(sizes: Sizes): Sizes {
  return {
    ...sizes,
    newTokens: 8,
    long: { batch: 2, prompt: Math.min(sizes.long.prompt, 256), newTokens: 4 },
    trained: 4,
    scored: 4,
    analysis: 4,
  };
}

/** Samples of random text: `samples` of each of `prompts` prompts. */
function samplingCase(
  { tokenizer, texts }: Material,
  name: string,
  prompts: number,
  samples: number,
  promptTokens: number,
  newTokens: number,
): Case {
  const request: Request = (round) => ({
    op: 'sample',
    prompts: Array.from({ length: prompts }, (_, index) =>
      promptOf(tokenizer, texts, promptTokens, round * prompts + index),
    ),
    samples,
    newTokens,
  });
  return {
    name: `${name}: ${promptTokens} + ${newTokens} tokens`,
    note: 'temperature 1, whole vocabulary; seconds include the prompts. Ours returns log-probability and entropy of every token, the peers neither. llama.cpp keeps keys and values in float16, its default.',
    amount: prompts * samples * newTokens,
    unit: 'tokens',
    ours: request,
    peers: [
      { peer: TORCH, request },
      { peer: 'node-llama-cpp F32', request },
      { peer: 'node-llama-cpp Q8_0', request },
    ],
  };
}

function sampling(material: Material): Case[] {
  const { prompt, newTokens, long, group } = material.sizes;
  const one = (...[name, ...sizes]: [string, number, number, number, number]): Case =>
    samplingCase(material, name, ...sizes);
  return [
    one('batch 1', 1, 1, prompt, newTokens),
    one('batch 8', 8, 1, prompt, newTokens),
    one('batch 32', 32, 1, prompt, Math.ceil(newTokens / 2)),
    one(`long context, batch ${long.batch}`, long.batch, 1, long.prompt, long.newTokens),
    one(`one prompt, ${group.samples} samples`, 1, group.samples, group.prompt, newTokens),
  ];
}

/** How our costs grow: with the batch, with the length of the context, with the number of samples of a prompt. */
function growth(material: Material): Case[] {
  const { prompt, newTokens, long } = material.sizes;
  const tokens = Math.ceil(newTokens / 2);
  const lengths = [1, 2, 4, 8].map((part) => Math.ceil((long.prompt * part) / 8));
  return [
    ...[1, 2, 4, 8, 16, 32, 64].map((batch) =>
      samplingCase(material, `batch ${batch}`, batch, 1, prompt, tokens),
    ),
    ...lengths.map((length) => samplingCase(material, `context ${length}, batch 4`, 4, 1, length, tokens)),
    ...[2, 4, 8, 16].map((samples) =>
      samplingCase(material, `group of ${samples}`, 1, samples, 2 * prompt, tokens),
    ),
  ].map((one) => ({ ...one, note: 'tokens/s with the prompts, ours alone.', peers: [] }));
}

function entropy({ shape, sizes: { prompt } }: Material): Case[] {
  return [2, 8, 32].map((batch): Case => {
    const steps = shape === 'miniature' ? 400 : 12;
    const request =
      (withEntropy: boolean): Request =>
      () => ({ op: 'decode', entropy: withEntropy, batch, promptTokens: prompt, steps });
    return {
      name: `decoding step, batch ${batch}`,
      note: 'the decoding program of the sampler as it is, and the same without the entropy among its outputs.',
      amount: steps,
      unit: 'steps',
      ours: request(true),
      variant: { name: 'overtone without entropy', request: request(false) },
      peers: [],
    };
  });
}

function training({ sizes, tokenizer, texts }: Material): Case[] {
  const one = (name: string, pairs: readonly Answered[]): Case => {
    const sequences = pairs.map(({ question, solution }) => {
      const prompt = tokenizer.encodeChat(asking(question));
      return {
        tokens: [...prompt, ...tokenizer.encode(solution), tokenizer.eosTokenId],
        promptLength: prompt.length,
      };
    });
    const groups = [...Map.groupBy(pairs, ({ question }) => question)].map(([question, solved], index) => ({
      id: String(index),
      messages: asking(question),
      solutions: solved.map(({ solution }) => ({ text: solution, score: 0 })),
    }));
    const peer: Request = () => ({ op: 'train', sequences, lora: LORA, steps: 1 });
    return {
      name,
      note: `LoRA r ${LORA.r} on q, k, v, o; loss of completions; AdamW, clipping. Tokens are those of the texts, padding not counted. PEFT trains its adapters in float32 in both precisions.`,
      amount: sequences.reduce((sum, { tokens }) => sum + tokens.length, 0),
      unit: 'tokens',
      ours: () => ({ op: 'train', groups, steps: 1 }),
      peers: [
        { peer: TORCH, request: peer },
        { peer: 'transformers bfloat16', request: peer },
      ],
    };
  };
  const chosen = texts.slice(0, sizes.trained);
  return [
    one(`step on ${chosen.length} questions`, chosen),
    one(
      `step on ${grouped(chosen).length} × ${Math.min(SOLUTIONS, chosen.length)} solutions of a question`,
      grouped(chosen).flat(),
    ),
  ];
}

function scoring({ sizes, tokenizer, texts }: Material): Case[] {
  const one = (name: string, items: { prompt: number[]; continuations: number[][] }[]): Case => {
    const request: Request = (round) => ({
      op: 'score',
      items: items.map(({ prompt, continuations }) => ({
        prompt: refreshed(prompt, round, tokenizer.vocabSize),
        continuations,
      })),
    });
    return {
      name,
      note: 'log-probability and entropy of every token of the solutions. Tokens are those of the solutions.',
      amount: items.flatMap(({ continuations }) => continuations.flat()).length,
      unit: 'tokens',
      ours: request,
      peers: [{ peer: TORCH, request }],
    };
  };
  const chosen = texts.slice(0, sizes.scored);
  const prompt = (question: string): number[] => tokenizer.encodeChat(asking(question));
  return [
    one(
      `${chosen.length} questions`,
      chosen.map(({ question, solution }) => ({
        prompt: prompt(question),
        continuations: [tokenizer.encode(solution)],
      })),
    ),
    one(
      `${grouped(chosen).length} × ${Math.min(SOLUTIONS, chosen.length)} solutions of a question`,
      grouped(chosen).map((group) => ({
        prompt: prompt(group[0]?.question ?? ''),
        continuations: group.map(({ solution }) => tokenizer.encode(solution)),
      })),
    ),
  ];
}

/** Texts as groups of solutions of one question, as the paper has them; what they say does not matter here. */
function grouped(texts: readonly Answered[]): Answered[][] {
  return Array.from({ length: Math.ceil(texts.length / SOLUTIONS) }, (_, group) => {
    const members = texts.slice(group * SOLUTIONS, (group + 1) * SOLUTIONS);
    const question = members[0]?.question ?? '';
    return members.map(({ solution }) => ({ question, solution }));
  });
}

function paper({ shape, sizes, tokenizer, texts }: Material): Case[] {
  const template = loadTemplate(shape === 'miniature' ? 'miniature' : 'verdict-only');
  const question = texts[0]?.question ?? '';
  const solutions = texts.slice(0, SOLUTIONS).map(({ solution }) => solution);
  const verdicts = VERDICTS.map((verdict) => tokenizer.encode(verdict));
  const [first = [], second = []] = verdicts;
  const differs = first.findIndex((token, index) => second[index] !== token);
  const pairs = solutions
    .flatMap((_, i) => solutions.map((_, j) => [i, j] as const))
    .filter(([i, j]) => i !== j);
  const prompts = (wanted: readonly (readonly [number, number])[], round: number): number[][] =>
    wanted.map(([i, j]) => {
      const comparison = { question, first: solutions[i] ?? '', second: solutions[j] ?? '' };
      return refreshed(
        tokenizer.encodeChat(asking(renderTemplate(template, comparison))),
        round,
        tokenizer.vocabSize,
      );
    });
  const items = [
    {
      prompt: tokenizer.encodeChat(asking(question)),
      continuations: solutions.map((text) => tokenizer.encode(text)),
    },
  ];
  const ours: Request = (round) => ({
    op: 'score',
    items: prompts(pairs, round).map((prompt) => ({ prompt, continuations: verdicts })),
    alternatives: true,
  });
  const unordered = pairs.filter(([i, j]) => i < j);
  const common = {
    amount: 1,
    unit: 'questions',
    ours,
  } as const;
  return [
    {
      ...common,
      name: `${SOLUTIONS} solutions, verdicts alone`,
      note: `ours: verdicts of all ${pairs.length} ordered pairs; the entropies came with sampling. Peer: a forward pass for the entropies and one for every ordered pair, ${TORCH_BATCH}, logits of the verdict alone.`,
      peers: [
        {
          peer: TORCH,
          request: (round) => ({
            op: 'question',
            items,
            judge: {
              prompts: prompts(pairs, round).map((prompt) => [...prompt, ...first.slice(0, differs)]),
              choices: [first[differs], second[differs]],
              newTokens: 0,
            },
          }),
        },
      ],
    },
    {
      ...common,
      name: `${SOLUTIONS} solutions, as the paper's scripts`,
      note: `ours as before, both orders. Peer: a forward pass for the entropies and, for each of the ${unordered.length} pairs in one order, a greedy analysis, ${TORCH_BATCH}: ${sizes.analysis} tokens, where the scripts allow 800, which favours the peer.`,
      peers: [
        {
          peer: TORCH,
          request: (round) => ({
            op: 'question',
            items,
            judge: { prompts: prompts(unordered, round), choices: [], newTokens: sizes.analysis },
          }),
        },
      ],
    },
  ];
}

/** How torch_peer.py puts texts together. */
const TORCH_BATCH = '8 in a batch, those of similar length together';
