// How the cost of sampling grows with the vocabulary: SmolLM2's body under embeddings of several sizes, random weights.
//
//   npm run bench:vocabulary -- [--rounds N]
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { initialParameters, parseDecoderConfig, writeModel } from '@overtone/language-model';
import { SamplingPool } from '@overtone/sampling';
import { table } from './report.ts';
import { folderOf } from './shapes.ts';
import { spreadOf } from './spread.ts';

const VOCABULARIES = [49_152, 98_304, 151_936];
const BATCH = 8;
const PROMPT = 64;
const NEW_TOKENS = 24;

/** A model of this vocabulary in `folder`; returns the multiply-accumulates of a token. */
async function write(folder: string, base: string, vocabulary: number): Promise<number> {
  const json = JSON.parse(await readFile(join(base, 'config.json'), 'utf8')) as object;
  const described = { ...json, vocab_size: vocabulary };
  const config = parseDecoderConfig(described);
  const parameters = initialParameters(config, 1);
  await writeModel(folder, base, parameters);
  await writeFile(join(folder, 'config.json'), JSON.stringify(described));
  let weights = 0;
  for (const { shape } of parameters.values())
    if (shape.length === 2) weights += shape.reduce((a, b) => a * b, 1);
  return weights;
}

/** Tokens a second of one call. */
async function sample(pool: SamplingPool, round: number): Promise<number> {
  const prompts = Array.from({ length: BATCH }, (_, index) => ({
    id: String(index),
    tokens: Int32Array.from(
      { length: PROMPT },
      (_, at) => 5 + ((9973 * round + 31 * index + 7 * at) % 40_000),
    ),
  }));
  const options = { samples: 1, maxNewTokens: NEW_TOKENS, temperature: 1, topP: 1, seed: round };
  const began = performance.now();
  let tokens = 0;
  for await (const sampled of pool.generate({ prompts, options })) tokens += sampled.tokens.length;
  return (1000 * tokens) / (performance.now() - began);
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds: expected a whole number of at least 1, got ${values.rounds}`);

const place = await mkdtemp(join(tmpdir(), 'overtone-vocabulary-'));
const pools: { vocabulary: number; work: number; pool: SamplingPool; speeds: number[] }[] = [];
try {
  const base = await folderOf('smollm2-135m');
  for (const vocabulary of VOCABULARIES) {
    const model = join(place, String(vocabulary));
    const work = await write(model, base, vocabulary);
    const pool = await SamplingPool.open({ model, cacheBytes: 2 ** 30 });
    await sample(pool, 0);
    pools.push({ vocabulary, work, pool, speeds: [] });
  }
  for (let round = 1; round <= rounds; round++)
    for (const { pool, speeds } of pools) speeds.push(await sample(pool, round));
} finally {
  for (const { pool } of pools) await pool.close();
  await rm(place, { recursive: true, force: true });
}
const [first] = pools;
const rows = pools.map(({ vocabulary, work, speeds }) => {
  const costs = spreadOf(speeds.map((speed, round) => (first?.speeds[round] ?? NaN) / speed));
  return [
    vocabulary.toLocaleString('en'),
    `${spreadOf(speeds).median.toFixed(0)} tokens/s`,
    `${costs.median.toFixed(2)} [${costs.lowest.toFixed(2)} – ${costs.highest.toFixed(2)}]`,
    (work / (first?.work ?? NaN)).toFixed(2),
  ];
});
console.log(table(['vocabulary', 'sampling, batch 8', 'cost', 'multiply-accumulates'], rows));
