// Do signal cards predict what training on a signal buys? Sweeps judges from perfect to adversarial over the miniature.
//
//   node test/bench/predicts/predicts.ts [--out runs/predicts] [--seeds 1] [--train 500] [--hard 100] [--audited 60] [--dpo]
//     [--sweep confirmation] [--draw 1] [--model worlds/two] [--checkpoints runs/predicts/models]
//
// --sweep confirmation takes judges with other faults, --draw other questions, samples and judges' errors, --model another
// world: together, data that nothing was chosen on.
//
// Starts the judges, writes the experiment, runs it with `overtone run`, and prints the summary, which it also leaves in
// summary.md. The same command continues a sweep that was interrupted, and one with more seeds keeps what there is of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseReport } from '@overtone/report';
import { serve, type ServedService } from '@overtone/rpc';
import { buildCheckpoint, hostCheckpoint } from './checkpoint-judge.ts';
import { degradedJudge } from './degraded-judge.ts';
import { sweepExperiment } from './experiment.ts';
import { CHECKPOINTS, SWEEPS } from './judges.ts';
import { summarise } from './summary.ts';

const inRepository = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'runs/predicts' },
    seeds: { type: 'string', default: '1' },
    train: { type: 'string', default: '500' },
    hard: { type: 'string', default: '100' },
    audited: { type: 'string', default: '60' },
    /** Which judges: `development`, or `confirmation`. */
    sweep: { type: 'string', default: 'development' },
    /** Which questions, samples and errors of the judges. */
    draw: { type: 'string', default: '0' },
    /** The model's folder. Default: the shipped one. */
    model: { type: 'string' },
    /** Where the judges that are checkpoints are, or are built. Default: models, in `out`. */
    checkpoints: { type: 'string' },
    /** The first judge's port; the others follow. Fixed, so that a sweep that goes on is the same experiment. */
    port: { type: 'string', default: '18450' },
    dpo: { type: 'boolean', default: false },
    /** Only summarise what is there. */
    'summary-only': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  // The comment that opens this file, up to its first line of code.
  const lines = readFileSync(fileURLToPath(import.meta.url), 'utf8').split('\n');
  const comment = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('//')),
  );
  process.stdout.write(`${comment.map((line) => line.replace(/^\/\/ ?/, '')).join('\n')}\n`);
  process.exit();
}
const out = resolve(values.out);
const run = join(out, 'run');
mkdirSync(out, { recursive: true });

const closing: (() => unknown)[] = [];
try {
  if (!values['summary-only']) await sweep();
  const report = parseReport(readFileSync(join(run, 'report.json'), 'utf8'));
  const text = summarise(report);
  writeFileSync(join(out, 'summary.md'), `${text}\n`);
  process.stdout.write(`${text}\n`);
} finally {
  for (const close of closing.reverse()) await close();
}

async function sweep(): Promise<void> {
  const draw = Number(values.draw);
  const degraded = Object.entries(SWEEPS).find(([name]) => name === values.sweep)?.[1];
  if (degraded === undefined)
    throw new Error(`--sweep ${values.sweep}: expected ${Object.keys(SWEEPS).join(' or ')}`);
  const services = new Map<string, ServedService>(
    Object.entries(degraded).map(([name, degradation]) => [name, degradedJudge(name, degradation, draw)]),
  );
  for (const [name, tokens] of Object.entries(CHECKPOINTS)) {
    const folder = join(resolve(values.checkpoints ?? join(out, 'models')), name);
    await buildCheckpoint(folder, tokens);
    const { service, stop } = await hostCheckpoint(name, folder);
    closing.push(stop);
    services.set(name, service);
  }
  const judges: Record<string, string> = {};
  for (const [index, [name, service]] of [...services].entries()) {
    const address = `127.0.0.1:${Number(values.port) + index}`;
    const server = await serve({ name, address, services: [service] });
    closing.push(() => server.close());
    judges[name] = server.address;
  }
  const experiment = join(out, 'experiment.yaml');
  const text = sweepExperiment({
    judges,
    draw,
    model: resolve(values.model ?? inRepository('libs/miniature/model')),
    seeds: Array.from({ length: Number(values.seeds) }, (_, index) => index + 1),
    train: Number(values.train),
    hard: Number(values.hard),
    audited: Number(values.audited),
    dpo: values.dpo,
  });
  writeFileSync(experiment, text);
  const command = [inRepository('libs/cli/src/main.ts'), 'run', experiment, '--out', run, '--force'];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`"overtone run ${experiment}" ended with exit code ${code}`);
}
