// A run made ready to be compared: what every question came to, what it asked, and its settings.
import { basename } from 'node:path';
import { type ArmOutcomes, COMPARED_SPLITS, type Report, type RunToCompare } from '@overtone/report';
import { builtInVerifier } from '@overtone/tasks';
import { InputError } from '../input-error.ts';
import { loadSplits } from '../problems.ts';
import { readRows } from '../run-context.ts';
import { evaluatedSample, outcomesOf } from '../stages/outcomes.ts';
import { type RunRecord, taskOfRun } from './run-record.ts';
import { settingsOfRun } from './settings.ts';
import { storeOf } from './run-store.ts';

/**
 * Reads what a comparison needs of a run.
 *
 * @param name what it is called. Default the folder's name.
 * @throws InputError when the run has no report.
 */
export async function runToCompare(record: RunRecord, name = basename(record.path)): Promise<RunToCompare> {
  const { report, state, path } = record;
  if (report === undefined)
    throw new InputError(
      `${path} has no report (state: ${state}); compare runs that are done, or continue this one`,
    );
  return {
    name,
    report,
    outcomes: await outcomesOfRun(record, report),
    questions: await questionsOfRun(record),
    settings: settingsOfRun(record.configuration),
  };
}

/** Outcomes by arm and split, after the last round; undefined where an artifact is gone. */
async function outcomesOfRun(record: RunRecord, { arms }: Report): Promise<ArmOutcomes[] | undefined> {
  const store = storeOf(record);
  const refs = new Map(
    record.manifest.results.flatMap((result) =>
      result.stage === 'evaluate' ? [[result.label, result] as const] : [],
    ),
  );
  const found: ArmOutcomes[] = [];
  for (const { name: arm, perSeed, rounds = [] } of arms)
    for (const split of COMPARED_SPLITS) {
      const runs: ArmOutcomes['runs'][number][] = [];
      for (const { seed } of perSeed) {
        const place =
          seed === null ? arm : `${arm} seed ${seed}${rounds.length > 1 ? ` round ${rounds.length}` : ''}`;
        const ref = refs.get(`${place}, ${split}`);
        if (ref === undefined || !(await store.has(ref))) return undefined;
        const rows = await readRows(store, ref, (value) => evaluatedSample.parse(value));
        const ids = [...new Set(rows.map(({ problemId }) => problemId))];
        const problems = ids.map((id) => ({ id, question: '', answer: '', difficulty: '' }));
        // Only how many samples are right counts here, which the rows say themselves.
        runs.push(outcomesOf(rows, problems, { verifier: { ...builtInVerifier, sha256: 'not asked' } }));
      }
      found.push({ arm, split, runs });
    }
  return found;
}

/** What the questions of a run ask, by id; undefined where they cannot be drawn or read again. */
async function questionsOfRun(record: RunRecord): Promise<Map<string, string> | undefined> {
  const task = taskOfRun(record);
  if (task === undefined) return undefined;
  try {
    const { easy, hard } = await loadSplits(task);
    return new Map([...easy, ...hard].map(({ id, question, answer }) => [id, `${question}\n${answer}`]));
  } catch {
    return undefined;
  }
}
