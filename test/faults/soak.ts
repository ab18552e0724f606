// The soak: small experiments, one after another, and calls that are broken off, against five services that stay. What these use must
// not grow.
//
//   npm run soak -- [--minutes 10]
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { GeneratorServiceClient, JudgeServiceClient } from '@overtone/contracts';
import { connect } from '@overtone/rpc';
import { addHosts, Deployment, PROCESSES, startApi } from './deployment.fixture.ts';
import { growthOf } from './growth.fixture.ts';
import { isIsolated, prepareIsolated, runIsolated } from './isolated.fixture.ts';
import { Network } from './network.fixture.ts';
import { Pipeline } from './pipeline.fixture.ts';
import type { Vitals } from './vitals.fixture.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } });

const BROKEN_OFF = 10;

/** Starts calls, and breaks them off while they are answered. */
async function breakOff(deployment: Deployment): Promise<void> {
  const addressOf = (name: 'generator' | 'judge-self'): string =>
    deployment.services.get(name)?.address ?? '';
  const generator = connect(GeneratorServiceClient, addressOf('generator'), { insecure: true });
  const judge = connect(JudgeServiceClient, addressOf('judge-self'), { insecure: true });
  const sampling = {
    samples: 8,
    temperature: 1,
    topP: 1,
    maxNewTokens: 128,
    seed: 1,
    stop: [],
  };
  const prompts = Array.from({ length: 8 }, (_, at) => ({
    id: String(at),
    messages: [{ role: 'user', content: `${at} + 2 = ?` }],
  }));
  async function* comparisons() {
    for (let id = 0; id < 1000; id++) {
      yield { id: String(id), question: '1 + 1', first: `${id} a`, second: `${id} b` };
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const leave = async (answers: AsyncIterable<unknown>): Promise<void> => {
    let left = 3;
    for await (const _ of answers) if (--left === 0) return;
  };
  for (let call = 0; call < BROKEN_OFF; call++) {
    await leave(generator.generate({ adapter: undefined, prompts, sampling }));
    await leave(judge.compare(comparisons()));
  }
  generator.close();
  judge.close();
}

async function soak(): Promise<number> {
  prepareIsolated();
  const folder = mkdtempSync(join(tmpdir(), 'overtone-soak-'));
  const network = new Network();
  const hosts = addHosts(network);
  const api = await startApi(network);
  const options = { folder, watched: true, diskSize: '2g' };
  const deployment = await Deployment.start(network, hosts, options);
  let experiments = 0;
  try {
    const end = performance.now() + 60_000 * Number(values.minutes);
    for (; performance.now() < end; experiments++) {
      deployment.write(experiments + 1);
      const out = join(folder, 'run');
      const pipeline = new Pipeline(deployment.file, out, deployment.pipeline);
      const code = await pipeline.ended;
      if (code !== 0)
        throw new Error(`experiment ${experiments + 1} ended with ${code}: ${pipeline.complaints}`);
      rmSync(out, { recursive: true });
      await breakOff(deployment);
      api.asked.length = 0;
      api.paid.clear();
    }
  } finally {
    await deployment.stop();
  }
  const all = PROCESSES.map((name) => ({
    name,
    growth: growthOf(
      readFileSync(join(folder, `${name}.vitals.jsonl`), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Vitals),
    ),
  }));
  rmSync(folder, { recursive: true, force: true });
  const header = ['', 'RSS, MiB', 'heap, MiB', 'buffers, MiB', 'files', 'threads', 'handles'];
  const rows = all.map(({ name, growth }) => [
    name,
    ...growth.map(
      ({ from, to, tooMuch }) => `${from.toFixed(1)} → ${to.toFixed(1)}${tooMuch ? ' **grows**' : ''}`,
    ),
  ]);
  const table = [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
  process.stdout.write(`${experiments} experiments in ${values.minutes} min\n\n${table}\n`);
  return all.some(({ growth }) => growth.some(({ tooMuch }) => tooMuch)) ? 1 : 0;
}

process.exit(
  isIsolated() ? await soak() : await runIsolated(fileURLToPath(import.meta.url), process.argv.slice(2)),
);
