// Real verdicts: groups whose pairs have all been judged, from the compare artifacts of a run or from elsewhere.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ScoreMethod } from '@overtone/contracts';
import { scoreGroup } from '@overtone/signals';
import { z } from 'zod';
import { blankSolutions, type JudgedGroup } from './play.ts';

const probability = z.number().min(0).max(1).optional();
const row = z.object({
  problemId: z.string(),
  verdicts: z.array(z.object({ i: z.int(), j: z.int(), forward: probability, backward: probability })),
});
const manifest = z.object({
  artifacts: z.string(),
  results: z.array(z.object({ stage: z.string(), label: z.string(), sha256: z.string() })),
});

/** What of a source can be used. */
export interface RealVerdicts {
  /** Groups all of whose pairs have a verdict. */
  readonly groups: JudgedGroup[];
  /** Groups of fewer than `fewest` solutions, with pairs missing, or that the truth's judge has not judged. */
  readonly skipped: number;
}

/** Whose verdicts to read. */
export interface RealVerdictsOptions {
  /** One judge of a run; all of them when absent. */
  readonly judge?: string | undefined;
  /** The judge of the run whose scores are the truth; when absent, the scores of all of a group's own verdicts are. */
  readonly truth?: string | undefined;
  /** Fewest different solutions of a group. Default 4. */
  readonly fewest?: number;
}

/**
 * Reads a JSONL of rows { problemId, verdicts: [{ i, j, forward?, backward? }] }, or the verdicts of a run folder.
 * @throws Error naming the file and line that is wrong
 */
export function readVerdicts(path: string, { judge, truth, fewest = 4 }: RealVerdictsOptions): RealVerdicts {
  const told = new Map<string, number[]>();
  if (truth !== undefined) {
    for (const group of completeGroups(path, truth)) {
      if (group !== undefined) told.set(placeOf(group), allPairScores(group));
    }
  }
  const groups: JudgedGroup[] = [];
  let skipped = 0;
  for (const group of completeGroups(path, judge)) {
    const known = group === undefined || group.solutions.length < fewest ? undefined : group;
    const level =
      known === undefined ? undefined : truth === undefined ? allPairScores(known) : told.get(placeOf(known));
    if (known === undefined || level === undefined) skipped++;
    else groups.push({ ...known, truth: level });
  }
  return { groups, skipped };
}

type CompleteGroup = Omit<JudgedGroup, 'truth'>;

/** The groups of a source; undefined for one whose verdicts are not on all pairs of its solutions. */
function* completeGroups(path: string, judge: string | undefined): Generator<CompleteGroup | undefined> {
  for (const file of statSync(path).isDirectory() ? filesOfRun(path, judge) : [path]) {
    for (const [line, text] of readFileSync(file, 'utf8').split('\n').entries()) {
      if (text.trim() === '') continue;
      const parsed = row.safeParse(JSON.parse(text));
      if (!parsed.success)
        throw new Error(`${file}:${line + 1}: ${parsed.error.issues[0]?.message ?? 'no verdicts'}`);
      const { problemId, verdicts } = parsed.data;
      const indices = [...new Set(verdicts.flatMap(({ i, j }) => [i, j]))].sort((a, b) => a - b);
      const complete = verdicts.length === (indices.length * (indices.length - 1)) / 2;
      yield complete ? { problemId, solutions: blankSolutions(indices), verdicts } : undefined;
    }
  }
}

function placeOf({ problemId, solutions }: CompleteGroup): string {
  return JSON.stringify([problemId, solutions.map(({ index }) => index)]);
}

function allPairScores({ problemId, solutions, verdicts }: CompleteGroup): number[] {
  if (solutions.length < 2) return solutions.map(() => 0);
  const signal = {
    method: ScoreMethod.SCORE_METHOD_BRADLEY_TERRY,
    reversed: false,
    seed: 0,
    residualiseLength: false,
  };
  return scoreGroup({ problemId, solutions, verdicts }, signal).map(({ score }) => score);
}

function filesOfRun(folder: string, judge: string | undefined): string[] {
  const { results } = manifest.parse(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')));
  return results
    .filter(
      ({ stage, label }) =>
        stage === 'compare' && (judge === undefined || label.startsWith(`${judge} chunk`)),
    )
    .map(({ sha256 }) => join(folder, 'artifacts', 'objects', sha256.slice(0, 2), sha256))
    .filter((file) => existsSync(file));
}
