// The benchmark: Overtone beside its peers, in one run, in turns. `npm run bench -- --help`
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Contestant } from './contestant.ts';
import { overtone, startPeer } from './contestants.ts';
import { thisCommit, thisMachine } from './machine.ts';
import { here } from './places.ts';
import { profile, PROFILED } from './profile.ts';
import { report, rowsOf, withReport } from './report.ts';
import { type Precision, PRECISIONS } from '@overtone/tensor';
import { type Absence, type Measurement, type Peaks, type Results } from './results.ts';
import { takeTurns } from './rounds.ts';
import { folderOf, type Shape, ShapeAbsent, SHAPES } from './shapes.ts';
import { type Case, casesOf, COMPARED, type Task, TASKS } from './tasks.ts';

const HELP = `npm run bench -- [options]            measure Overtone beside its peers
npm run bench -- profile [options]    where the time of a program goes, by operator
npm run bench -- report FILE          put results into test/bench/README.md

  --only LIST      ${TASKS.join(', ')}; default all but growth
  --shape LIST     ${SHAPES.join(', ')}; default miniature,smollm2-135m
  --rounds N       turns of everyone; default 3
  --threads N      threads of everyone; default all cores
  --precision NAME of our frozen weights: float32 or int8; default float32
  --quick          a few seconds for each case, to see that everything works
  --json FILE      write the results
  --program NAME   profile: ${PROFILED.join(', ')}; default decode
  --batch N        profile: sequences; default 8
  --graph          profile: print the traced graph instead
  --help

Peers: test/bench/install-peers.sh; those that are not here are skipped.`;

function oneOf<Name extends string>(option: string, known: readonly Name[], given: string): Name {
  const found = known.find((name) => name === given);
  if (found === undefined)
    throw new Error(`--${option}: unknown ${JSON.stringify(given)}; known: ${known.join(', ')}`);
  return found;
}

function atLeastOne(option: string, given: string): number {
  const value = Number(given);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${option}: expected a whole number of at least 1, got ${JSON.stringify(given)}`);
  return value;
}

/** Name of the process that counts the work of tasks whose workers are threads of their own. */
const COUNTER = 'counter';
const COUNTED: ReadonlySet<Task> = new Set<Task>(['sampling', 'scoring', 'paper', 'growth']);

interface Run {
  readonly threads: number;
  readonly rounds: number;
  readonly quick: boolean;
  readonly precision: Precision;
  readonly json: string | undefined;
  readonly versions: Record<string, string>;
  readonly measurements: Measurement[];
  readonly absent: Map<string, Absence>;
}

/** Measures the cases of a task; processes are shared by its cases, but for training, whose memory is told case by case. */
async function measureTask(run: Run, task: Task, shape: Shape, folder: string): Promise<void> {
  const cases = await casesOf(task, shape, folder, run.quick);
  const together = task === 'training' ? cases.map((single) => [single]) : [cases];
  for (const group of together) {
    const running = new Map<string, Contestant>();
    try {
      running.set('', await Contestant.start(overtone(folder, run.threads, run.precision)));
      if (COUNTED.has(task)) running.set(COUNTER, await Contestant.start(overtone(folder, run.threads)));
      for (const peer of new Set(group.flatMap(({ peers }) => peers.map(({ peer }) => peer)))) {
        if (run.absent.has(peer)) continue;
        const started = await startPeer(peer, folder, shape, run.threads);
        if (started instanceof Contestant) running.set(peer, started);
        else run.absent.set(peer, started);
      }
      for (const { versions } of running.values()) Object.assign(run.versions, versions);
      for (const one of group) await measureCase(run, task, shape, one, running);
    } finally {
      for (const contestant of running.values()) await contestant.close();
    }
  }
}

async function measureCase(
  run: Run,
  task: Task,
  shape: Shape,
  { ours: request, peers, variant, name, note, amount, unit }: Case,
  running: ReadonlyMap<string, Contestant>,
): Promise<void> {
  const ours = running.get('');
  if (!ours) throw new Error('Overtone is not running');
  const entries = [
    { contestant: ours, request },
    ...(variant ? [{ contestant: ours, request: variant.request, name: variant.name }] : []),
    ...peers.flatMap(({ peer, request: theirs }) => {
      const contestant = running.get(peer);
      return contestant ? [{ contestant, request: theirs }] : [];
    }),
  ];
  const contenders = await takeTurns(entries, run.rounds);
  const counter = running.get(COUNTER);
  const [first] = contenders;
  // By another process, since it holds the model once more.
  if (counter && first)
    contenders[0] = { ...first, macs: (await counter.ask({ op: 'count', of: request(1) }))['macs'] };
  const measurement: Measurement = { shape, task, name, note, amount, unit, contenders };
  run.measurements.push(measurement);
  for (const row of rowsOf(resultsOf(run, undefined), measurement))
    console.error(`${shape} ${task}: ${row.slice(0, 5).join('  ')}`);
}

function resultsOf(run: Run, peaks: Peaks | undefined): Results {
  return {
    date: new Date().toISOString(),
    commit: thisCommit(),
    machine: thisMachine(),
    threads: run.threads,
    rounds: run.rounds,
    versions: run.versions,
    peaks,
    measurements: run.measurements,
    absent: [...run.absent.values()],
  };
}

/** What was measured so far, written where it was asked for: a run that is ended early has measured something. */
async function writeResults(run: Run, peaks: Peaks | undefined): Promise<Results> {
  const results = resultsOf(run, peaks);
  if (run.json !== undefined) await writeFile(run.json, `${JSON.stringify(results, undefined, 1)}\n`);
  return results;
}

async function peaksOf(folder: string, threads: number): Promise<Peaks> {
  const contestant = await Contestant.start(overtone(folder, threads));
  try {
    const { macsPerSecond = NaN, bytesPerSecond = NaN } = await contestant.ask({ op: 'peaks' });
    return { macsPerSecond, bytesPerSecond };
  } finally {
    await contestant.close();
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: 'string', default: COMPARED.join(',') },
      shape: { type: 'string', default: 'miniature,smollm2-135m' },
      rounds: { type: 'string', default: '3' },
      threads: { type: 'string', default: String(availableParallelism()) },
      precision: { type: 'string', default: 'float32' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      program: { type: 'string', default: 'decode' },
      batch: { type: 'string', default: '8' },
      graph: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const threads = atLeastOne('threads', values.threads);
  const shapes = values.shape.split(',').map((name) => oneOf('shape', SHAPES, name));
  const [command = 'measure', file] = positionals;
  if (command === 'profile') {
    const program = oneOf('program', PROFILED, values.program);
    for (const shape of shapes.slice(0, 1))
      await profile({
        folder: await folderOf(shape),
        program,
        threads,
        batch: atLeastOne('batch', values.batch),
        graph: values.graph,
      });
    return;
  }
  const readme = here('README.md');
  if (command === 'report' && file !== undefined) {
    const results = JSON.parse(await readFile(file, 'utf8')) as Results;
    await writeFile(readme, withReport(await readFile(readme, 'utf8'), results));
    return;
  }
  if (command !== 'measure') throw new Error(`Unknown command ${[command, file].join(' ')}\n\n${HELP}`);
  const tasks = values.only.split(',').map((name) => oneOf('only', TASKS, name));
  const run: Run = {
    threads,
    rounds: values.quick ? 1 : atLeastOne('rounds', values.rounds),
    quick: values.quick,
    precision: oneOf('precision', PRECISIONS, values.precision),
    json: values.json,
    versions: {},
    measurements: [],
    absent: new Map(),
  };
  for (const shape of shapes) {
    try {
      const folder = await folderOf(shape);
      for (const task of tasks) {
        await measureTask(run, task, shape, folder);
        await writeResults(run, undefined);
      }
    } catch (error) {
      if (!(error instanceof ShapeAbsent)) throw error;
      run.absent.set(shape, { name: shape, reason: error.message });
    }
  }
  console.log(report(await writeResults(run, await peaksOf(await folderOf('miniature'), threads))));
}

await main();
