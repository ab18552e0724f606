// What a precision changes: log-probability and entropy of every token of known solutions, beside those in float32.
//
//   npm run bench:precision -- [--shape LIST] [--model FOLDER] [--texts N]
//
// float16 is what another device would compute: on the CPU it takes many times the memory, and is left to the miniature.
import { parseArgs } from 'node:util';
import { readTokenizer } from '@overtone/language-model';
import { type ItemScore, SamplingPool } from '@overtone/sampling';
import { mean, pearson } from '@overtone/statistics';
import { type Precision, PRECISIONS } from '@overtone/tensor';
import { table } from './report.ts';
import { folderOf, type Shape, SHAPES } from './shapes.ts';
import { answeredQuestions, asking } from './texts.ts';

type Items = Parameters<SamplingPool['score']>[0]['items'];

/** Scores of the texts, and the seconds of the second of two calls. */
async function scored(
  model: string,
  precision: Precision,
  items: Items,
): Promise<{ scores: ItemScore[]; seconds: number }> {
  const pool = await SamplingPool.open({ model, hardware: { device: 'cpu', precision } });
  try {
    await pool.score({ items });
    const began = performance.now();
    return { scores: await pool.score({ items }), seconds: (performance.now() - began) / 1000 };
  } finally {
    await pool.close();
  }
}

/** All numbers of a kind, token by token. */
const all = (scores: readonly ItemScore[], kind: 'logprobs' | 'entropies'): number[] =>
  scores.flatMap(({ texts }) => texts.flatMap((text) => Array.from(text[kind])));

/** A row of the table. */
function row(precision: Precision, here: readonly ItemScore[], reference: readonly ItemScore[]): string[] {
  const cells = (['logprobs', 'entropies'] as const).flatMap((kind) => {
    const ours = all(here, kind);
    const theirs = all(reference, kind);
    const apart = ours.map((value, token) => Math.abs(value - (theirs[token] ?? NaN)));
    return [mean(ours).toFixed(4), mean(apart).toFixed(4), (pearson(ours, theirs) ?? NaN).toFixed(5)];
  });
  return [precision, ...cells];
}

const HEADER = ['precision', 'mean logprob', '|Δ|', 'r', 'mean entropy', '|Δ|', 'r'];

const { values } = parseArgs({
  options: {
    shape: { type: 'string', default: 'miniature,smollm2-135m' },
    texts: { type: 'string', default: '32' },
    model: { type: 'string' },
  },
});
const shapes = values.shape.split(',').map((name): Shape => {
  const shape = SHAPES.find((known) => known === name);
  if (!shape) throw new Error(`--shape: unknown ${JSON.stringify(name)}; known: ${SHAPES.join(', ')}`);
  return shape;
});
for (const shape of shapes) {
  const folder = values.model ?? (await folderOf(shape));
  const tokenizer = await readTokenizer(folder);
  const items = (await answeredQuestions(shape, Number(values.texts))).map(({ question, solution }) => ({
    messages: asking(question),
    target: { tokens: [...tokenizer.encode(solution), tokenizer.eosTokenId] },
  }));
  const reference = await scored(folder, 'float32', items);
  const rows = [row('float32', reference.scores, reference.scores)];
  for (const precision of PRECISIONS) {
    if (precision === 'float32' || (precision === 'float16' && shape !== 'miniature')) continue;
    const { scores } = await scored(folder, precision, items);
    rows.push(row(precision, scores, reference.scores));
  }
  console.log(
    `${folder}: ${all(reference.scores, 'logprobs').length} tokens of ${items.length} solutions, nats\n`,
  );
  console.log(`${table(HEADER, rows)}\n`);
}
