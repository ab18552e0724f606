// Where the time of a program goes: ONNX Runtime's own profile of its operators, or the graph as it was traced.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatGraph, type Graph } from '@overtone/tensor';
import { short, table } from './report.ts';
import { kindOf, ProgramObserver, type Observed, type ProgramKind } from './work/observe-programs.ts';
import { openWorkload, type Workload } from './work/workload.ts';

/** The programs that can be profiled. */
export const PROFILED = ['prefill', 'decode', 'score', 'train-lora', 'train-full'] as const;

/** What to profile. */
export interface ProfileOptions {
  /** Model folder. */
  readonly folder: string;
  readonly program: (typeof PROFILED)[number];
  readonly threads: number;
  /** Sequences, texts or solutions. */
  readonly batch: number;
  /** Print the graph instead. */
  readonly graph: boolean;
}

/** Time of all runs of an operator. */
export interface OperatorTime {
  readonly op: string;
  readonly runs: number;
  readonly microseconds: number;
}

type Event = Readonly<Record<string, unknown>>;

/** Sums the operators of a profile that ONNX Runtime wrote; the slowest first. */
export function operatorTimes(profile: unknown): OperatorTime[] {
  if (!Array.isArray(profile)) throw new TypeError('ONNX Runtime wrote no list of events');
  const byOperator = new Map<string, { runs: number; microseconds: number }>();
  for (const event of profile as readonly Event[]) {
    const { cat, dur, name, args } = event;
    if (cat !== 'Node' || typeof dur !== 'number' || !String(name).endsWith('_kernel_time')) continue;
    const op = typeof args === 'object' && args !== null && 'op_name' in args ? String(args.op_name) : '?';
    const sum = byOperator.get(op) ?? { runs: 0, microseconds: 0 };
    byOperator.set(op, { runs: sum.runs + 1, microseconds: sum.microseconds + dur });
  }
  return [...byOperator].map(([op, sum]) => ({ op, ...sum })).sort((a, b) => b.microseconds - a.microseconds);
}

const KINDS: Record<ProfileOptions['program'], ProgramKind> = {
  prefill: 'prefill',
  decode: 'decode',
  score: 'score',
  'train-lora': 'train',
  'train-full': 'train',
};

/** Runs what compiles and uses the program. */
async function use(workload: Workload, program: ProfileOptions['program'], batch: number): Promise<void> {
  switch (program) {
    case 'prefill':
    case 'decode':
      return workload.sample(batch, 16);
    case 'score':
      return workload.score(batch);
    case 'train-lora':
    case 'train-full':
      return workload.train(program, batch, 3);
  }
}

/** Prints the profile, or the graph. */
export async function profile({ folder, program, threads, batch, graph }: ProfileOptions): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'overtone-profile-'));
  const kind = KINDS[program];
  try {
    const prefixes = new Map<Graph, string>();
    using observer = new ProgramObserver((traced, options) => {
      if (kindOf(traced) !== kind || graph) return options;
      const profilePrefix = join(scratch, `program-${prefixes.size}`);
      prefixes.set(traced, profilePrefix);
      return { ...options, profilePrefix };
    });
    const workload = await openWorkload(folder, threads);
    await use(workload, program, batch);
    const ofKind = observer.programs.filter((observed) => observed.kind === kind);
    // Of several shapes, the one that ran most.
    const main = ofKind.reduce<Observed | undefined>(
      (most, observed) => (most && most.runs >= observed.runs ? most : observed),
      undefined,
    );
    if (!main) throw new Error(`No ${program} program was compiled`);
    if (graph) return console.log(formatGraph(main.graph));
    const path = prefixes.get(main.graph) ?? '';
    try {
      main.program.endProfiling();
    } catch {
      // A program that was freed has written its profile already.
    }
    const name = (await readdir(scratch)).find((file) => join(scratch, file).startsWith(`${path}_`));
    if (name === undefined) throw new Error('ONNX Runtime wrote no profile');
    const times = operatorTimes(JSON.parse(await readFile(join(scratch, name), 'utf8')));
    const total = times.reduce((sum, { microseconds }) => sum + microseconds, 0);
    const runs = Math.max(1, main.runs);
    const shapeOf = main.graph.inputs.get('tokens')?.shape.join(' × ') ?? '';
    console.log(
      `${program}, tokens ${shapeOf}: ${runs} runs, ${short(total / runs / 1000)} ms each in operators, ${short(main.work.macs / 1e9)} G multiply-accumulates\n`,
    );
    console.log(
      table(
        ['operator', 'a run', 'ms a run', 'share'],
        times.map(({ op, runs: count, microseconds }) => [
          op,
          short(count / runs),
          short(microseconds / runs / 1000),
          `${((100 * microseconds) / total).toFixed(1)} %`,
        ]),
      ),
    );
    await workload.close();
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
