// Looks on while programs are compiled and run, whatever room does it: for counting their work, for profiling, for taking one out.
import { Program, type Graph, type HostTensor, type ProgramOptions } from '@overtone/tensor';
import { addWork, NO_WORK, workOf, type Work } from './count-work.ts';

/** What programs are for; told by their inputs. */
export const PROGRAM_KINDS = ['prefill', 'decode', 'score', 'train', 'other'] as const;
export type ProgramKind = (typeof PROGRAM_KINDS)[number];

/** A program that was compiled, with the tensors of its last run. */
export interface Observed {
  readonly kind: ProgramKind;
  readonly graph: Graph;
  readonly program: Program;
  readonly work: Work;
  runs: number;
  feeds: Readonly<Record<string, HostTensor>>;
}

/** What a program is for. */
export function kindOf({ inputs }: Pick<Graph, 'inputs'>): ProgramKind {
  if (inputs.has('theta')) return 'train';
  if (inputs.has('branches') || inputs.has('targets')) return 'score';
  const length = inputs.get('tokens')?.shape.at(-1);
  if (length === undefined) return 'other';
  return length === 1 ? 'decode' : 'prefill';
}

/** Observes all programs of this process until it is disposed of; one at a time. */
export class ProgramObserver implements Disposable {
  /** Programs, in the order of their compilation. */
  readonly programs: Observed[] = [];
  private readonly restore: () => void;
  private counted: Partial<Record<ProgramKind, Work>> = {};

  /** @param adjust Changes the options that a program is compiled with. */
  constructor(adjust: (graph: Graph, options: ProgramOptions) => ProgramOptions = (_, options) => options) {
    const compile = Program.compile;
    const run = Program.prototype.run;
    const byProgram = new Map<Program, Observed>();
    Program.compile = async (graph, options = {}) => {
      const program = await compile.call(Program, graph, adjust(graph, options));
      const observed = { kind: kindOf(graph), graph, program, work: workOf(graph), runs: 0, feeds: {} };
      byProgram.set(program, observed);
      this.programs.push(observed);
      return program;
    };
    const count = (program: Program, feeds: Readonly<Record<string, HostTensor>>): void => {
      const observed = byProgram.get(program);
      if (!observed) return;
      observed.runs += 1;
      observed.feeds = feeds;
      this.counted[observed.kind] = addWork(this.counted[observed.kind] ?? NO_WORK, observed.work);
    };
    Program.prototype.run = function (this: Program, feeds, into) {
      count(this, feeds);
      return run.call(this, feeds, into);
    };
    this.restore = () => {
      Program.compile = compile;
      Program.prototype.run = run;
    };
  }

  /** The work of all runs since the last call, by what they were for. */
  take(): Partial<Record<ProgramKind, Work>> {
    const { counted } = this;
    this.counted = {};
    return counted;
  }

  [Symbol.dispose](): void {
    this.restore();
  }
}
