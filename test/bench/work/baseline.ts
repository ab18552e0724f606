// The counted work of the fixed workload on the miniature, and how it compares with what was accepted.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelFolder } from '@overtone/miniature';
import { writeRandomModel } from '../../../libs/sampling/src/random-model.fixture.ts';
import { here } from '../places.ts';
import { type Work } from './count-work.ts';
import { ProgramObserver } from './observe-programs.ts';
import { openWorkload } from './workload.ts';

/** Work by phase. */
export type CountedWork = Readonly<Record<string, Work>>;

/** Where the accepted work is kept. */
export const BASELINE = here('work/work.json');
/** Growth that is tolerated, as a share. */
export const TOLERANCE = 0.05;

/** A vocabulary beside which the rest of a small model is nothing. */
const LARGE_VOCABULARY = 4096;

/**
 * Counts, on the miniature and on a smaller model with a large vocabulary: prompts and 16 decoding steps of 8 samples, scoring of
 * 8 texts, a LoRA step and a full step on 8 texts.
 */
export async function countWork(): Promise<CountedWork> {
  const scratch = await mkdtemp(join(tmpdir(), 'overtone-work-'));
  try {
    await writeRandomModel(scratch, { vocab_size: LARGE_VOCABULARY });
    const large = Object.entries(await countOn(scratch));
    return {
      ...(await countOn(modelFolder)),
      ...Object.fromEntries(large.map(([phase, work]) => [`large vocabulary: ${phase}`, work])),
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function countOn(folder: string): Promise<CountedWork> {
  using observer = new ProgramObserver();
  const counted: Record<string, Work> = {};
  const workload = await openWorkload(folder, 1);
  await workload.sample(4, 17);
  Object.assign(counted, observer.take());
  await workload.score(4);
  for (const [kind, work] of Object.entries(observer.take()))
    counted[kind === 'score' ? 'score' : `score: ${kind}`] = work;
  for (const what of ['train-lora', 'train-full'] as const) {
    await workload.train(what, 4, 1);
    for (const [kind, work] of Object.entries(observer.take()))
      counted[kind === 'train' ? what : `${what}: ${kind}`] = work;
  }
  await workload.close();
  return counted;
}

const total = ({ nodes }: Work): number => Object.values(nodes).reduce((sum, count) => sum + count, 0);

/** What has grown by more than the tolerance, a line each; with the operators that did when there are more of them. */
export function growth(before: CountedWork, after: CountedWork): string[] {
  const lines: string[] = [];
  for (const [phase, now] of Object.entries(after)) {
    const then = before[phase];
    if (!then) {
      lines.push(`${phase}: is new`);
      continue;
    }
    const compare = (what: string, old: number, current: number, detail = ''): void => {
      if (current <= old * (1 + TOLERANCE)) return;
      const percent = old === 0 ? '' : ` (+${(100 * (current / old - 1)).toFixed(1)} %)`;
      lines.push(`${phase}: ${what} grew from ${old} to ${current}${percent}${detail}`);
    };
    const grown = Object.entries(now.nodes)
      .map(([op, count]) => ({ op, more: count - (then.nodes[op] ?? 0) }))
      .filter(({ more }) => more > 0)
      .sort((a, b) => b.more - a.more)
      .map(({ op, more }) => `${op} +${more}`);
    compare('runs', then.runs, now.runs);
    compare('operators', total(then), total(now), `: ${grown.join(', ')}`);
    compare('multiply-accumulates', then.macs, now.macs);
    compare('bytes of outputs', then.outputBytes, now.outputBytes);
  }
  for (const phase of Object.keys(before))
    if (!(phase in after)) lines.push(`${phase}: is no longer counted`);
  return lines;
}
