// Does any objective, with its defaults, destroy the model? Trains all of them on three signals in several worlds of the miniature.
//
//   node test/bench/worlds/worlds.ts [--world 2=worlds/two]… [--build 5] [--out runs/worlds] [--seeds 1] [--train 400] [--hard 80]
//     [--objectives sft,rrhf] [--signals entropy,perfect] [--max-kl 0]
//
// The shipped model is the first world; --world names others that have been built, --build N builds the ones that are missing of
// the first N, each a quarter of an hour. Every world is one `overtone run`: the same command continues what was interrupted.
// Prints a table, and leaves it in summary.md and all numbers in worlds.json.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseReport } from '@overtone/report';
import { worldExperiment } from './experiment.ts';
import { type ArmInWorld, armsOf, tableOf } from './summary.ts';

const inRepository = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

const { values } = parseArgs({
  options: {
    world: { type: 'string', multiple: true, default: [] },
    build: { type: 'string', default: '1' },
    out: { type: 'string', default: 'runs/worlds' },
    seeds: { type: 'string', default: '1' },
    train: { type: 'string', default: '400' },
    hard: { type: 'string', default: '80' },
    objectives: { type: 'string' },
    signals: { type: 'string' },
    /** Another limit of the alarms than theirs, 0 for none: what the defaults are compared with. */
    'max-kl': { type: 'string' },
  },
});
const out = resolve(values.out);
mkdirSync(out, { recursive: true });

const worlds = new Map([['1', inRepository('libs/miniature/model')]]);
for (const world of values.world) {
  const [name, folder] = world.split('=');
  if (!name || !folder) throw new Error(`--world ${world}: expected NAME=FOLDER, for instance 2=worlds/two`);
  worlds.set(name, resolve(folder));
}
for (let seed = 2; seed <= Number(values.build); seed++) {
  const name = String(seed);
  if (worlds.has(name)) continue;
  const folder = join(out, 'models', name);
  if (!existsSync(join(folder, 'model.safetensors')))
    await overtone(['miniature', 'build', '--out', folder, '--seed', name]);
  worlds.set(name, folder);
}

const arms: ArmInWorld[] = [];
for (const [name, model] of worlds) {
  const run = join(out, name);
  const file = join(out, `world-${name}.yaml`);
  const text = worldExperiment({
    model,
    seeds: Array.from({ length: Number(values.seeds) }, (_, index) => index + 1),
    train: Number(values.train),
    hard: Number(values.hard),
    objectives: values.objectives?.split(','),
    signals: values.signals?.split(','),
    maxKl: values['max-kl'] === undefined ? undefined : Number(values['max-kl']),
  });
  writeFileSync(file, text);
  await overtone(['run', file, '--out', run, '--force']);
  arms.push(...armsOf(name, parseReport(readFileSync(join(run, 'report.json'), 'utf8'))));
  writeFileSync(join(out, 'worlds.json'), `${JSON.stringify(arms, null, 2)}\n`);
  writeFileSync(join(out, 'summary.md'), `${tableOf(arms)}\n`);
}
process.stdout.write(`${tableOf(arms)}\n`);

async function overtone(command: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [inRepository('libs/cli/src/main.ts'), ...command], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`"overtone ${command.join(' ')}" ended with exit code ${code}`);
}
