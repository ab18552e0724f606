// node-llama-cpp as a contestant: llama_peer.mjs <installed folder> <model.gguf> <threads>. A request a line, an answer a line.
// Sequences of one context are evaluated in parallel, which the library puts into common batches.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [installed, gguf, threadsGiven] = process.argv.slice(2);
const threads = Number(threadsGiven);
const package_ = `${installed}/node_modules/node-llama-cpp`;
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(`${package_}/dist/index.js`).href);

const llama = await getLlama({
  gpu: false,
  build: 'never',
  skipDownload: true,
  maxThreads: threads,
  logLevel: LlamaLogLevel.error,
});
const model = await llama.loadModel({ modelPath: gguf });
const contexts = new Map();

async function contextOf(sequences, positions) {
  const key = `${sequences},${positions}`;
  if (!contexts.has(key)) {
    for (const { context } of contexts.values()) await context.dispose();
    contexts.clear();
    const context = await model.createContext({
      sequences,
      // Of each sequence.
      contextSize: positions,
      batchSize: Math.max(512, sequences),
      threads,
    });
    contexts.set(key, { context, all: Array.from({ length: sequences }, () => context.getSequence()) });
  }
  return contexts.get(key);
}

async function sample({ prompts, samples, newTokens }) {
  const texts = prompts.flatMap((prompt) => Array.from({ length: samples }, () => prompt));
  const longest = Math.max(...texts.map((text) => text.length));
  const { all } = await contextOf(texts.length, longest + newTokens + 1);
  const began = performance.now();
  await Promise.all(
    texts.map(async (text, index) => {
      const sequence = all[index];
      await sequence.clearHistory();
      let count = 0;
      const options = { temperature: 1, topK: 0, topP: 1, minP: 0, yieldEogToken: true, seed: index };
      for await (const _ of sequence.evaluate(text, options)) if (++count === newTokens) break;
      if (count !== newTokens) throw new Error(`sampled ${count} tokens, expected ${newTokens}`);
    }),
  );
  return { seconds: (performance.now() - began) / 1000 };
}

const say = (value) => console.log(JSON.stringify(value));
const { version } = JSON.parse(readFileSync(`${package_}/package.json`, 'utf8'));
say({ ready: { 'node-llama-cpp': version, 'llama.cpp': llama.llamaCppRelease?.release ?? 'unknown' } });
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  try {
    if (request.op === 'memory') say({ peakBytes: process.resourceUsage().maxRSS * 1024 });
    else say(await sample(request));
  } catch (error) {
    say({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
process.exit(0);
