// The machine and the state of the repository that figures belong to.
import { execFileSync } from 'node:child_process';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';

/** A machine. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  /** Vector and matrix instructions that matter for the figures, where the system tells them. */
  readonly features: readonly string[];
}

const FEATURES = [
  'avx2',
  'avx512f',
  'avx512_vnni',
  'avx512_bf16',
  'amx_bf16',
  'amx_int8',
  'asimd',
  'bf16',
  'i8mm',
];

function output(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}

/** This machine. */
export function thisMachine(): Machine {
  const words = new Set(output('lscpu').split(/\s+/));
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${platform()} ${arch()}`,
    features: FEATURES.filter((feature) => words.has(feature)),
  };
}

/** The commit that is checked out, with "+" when files differ from it. */
export function thisCommit(): string {
  const commit = output('git', 'rev-parse', '--short=10', 'HEAD').trim() || 'unknown';
  return output('git', 'status', '--porcelain').trim() ? `${commit}+` : commit;
}
