// The lines of an evaluation: one question a line, with its completions and what the verifier said of them. What other tools read, and
// what a later evaluation is compared with.
import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { FinishReason } from '@overtone/contracts';
import type { Problem, Verifier } from '@overtone/tasks';
import { z } from 'zod';
import type { Decoding } from '../config/schema.ts';
import { InputError } from '../input-error.ts';
import { answerOf, type EvaluatedRow } from '../stages/outcomes.ts';
import type { StyleOf } from '../task-style.ts';
import type { EvaluationTask, QuestionSet } from './task.ts';

const completion = z.object({
  text: z.string(),
  /** Whether the answer is the reference. */
  correct: z.boolean(),
  /** Whether an answer could be read. */
  answered: z.boolean(),
  /** The answer that was read; null where there is none. */
  answer: z.string().nullable(),
  tokens: z.int(),
  /** "stop", or "length" where it was cut at the token limit. */
  finishReason: z.enum(['stop', 'length']),
  /** The style of the solution; null where the task has no styles. */
  style: z.string().nullable(),
});

/** One question of one system. */
const resultLine = z.object({
  /** The set of questions, for example "hard"; "" where a task has one alone. */
  set: z.string(),
  /** The system, for example "base". */
  system: z.string(),
  /** Lower-case hexadecimal SHA-256 of the model, and of the adapter; null for the model alone. */
  model: z.string(),
  adapter: z.string().nullable(),
  id: z.string(),
  question: z.string(),
  answer: z.string(),
  difficulty: z.string(),
  samples: z.int(),
  correct: z.int(),
  sampling: z.object({
    samples: z.int(),
    temperature: z.number(),
    topP: z.number(),
    maxNewTokens: z.int(),
    seed: z.int(),
    stop: z.array(z.string()),
  }),
  completions: z.array(completion).min(1),
});
export type ResultLine = z.infer<typeof resultLine>;

/** Whose lines these are. */
export interface LineSource {
  readonly set: string;
  readonly system: string;
  readonly model: string;
  readonly adapter: string | null;
  readonly sampling: Decoding;
}

/** The lines of a set, by question in its order. */
export function resultLines(
  rows: readonly EvaluatedRow[],
  problems: readonly Problem[],
  source: LineSource,
  { verifier, style }: { readonly verifier: Verifier; readonly style: StyleOf | undefined },
): ResultLine[] {
  const byProblem = Map.groupBy(rows, ({ problemId }) => problemId);
  const { samples, temperature, topP, maxNewTokens, seed, stop } = source.sampling;
  return problems.map((problem) => {
    const own = byProblem.get(problem.id) ?? [];
    const { id, question, answer, difficulty } = problem;
    return {
      ...source,
      sampling: { samples, temperature, topP, maxNewTokens, seed, stop },
      id,
      question,
      answer,
      difficulty,
      samples: own.length,
      correct: own.filter(({ correct }) => correct).length,
      completions: own.map((row) => ({
        text: row.text,
        correct: row.correct,
        answered: row.answered,
        answer: answerOf(row, problem, verifier) ?? null,
        tokens: row.tokens,
        finishReason: row.finishReason === FinishReason.FINISH_REASON_LENGTH ? 'length' : 'stop',
        style: style?.(row.text) ?? null,
      })),
    };
  });
}

/** What an earlier evaluation measured of one system. */
export interface EarlierResult {
  readonly system: string;
  readonly model: string;
  readonly adapter: string | null;
  readonly sampling: ResultLine['sampling'];
  /** Samples of each set, by its name. */
  readonly rows: ReadonlyMap<string, readonly EvaluatedRow[]>;
}

/**
 * Reads an earlier evaluation of the same questions.
 *
 * @param reference The file, followed by "#system" where it holds several systems.
 * @throws InputError when the file is none, has another or several systems, or was made of other questions.
 */
export async function readResults(reference: string, { sets }: EvaluationTask): Promise<EarlierResult> {
  const at = existsSync(reference) ? -1 : reference.lastIndexOf('#');
  const path = at < 0 ? reference : reference.slice(0, at);
  const wanted = at < 0 ? undefined : reference.slice(at + 1);
  if (!existsSync(path)) throw new InputError(`${path}: no such file`);
  const lines: ResultLine[] = [];
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })) {
    number++;
    if (line.trim() !== '') lines.push(parseLine(line, `${path}, line ${number}`));
  }
  const systems = [...new Set(lines.map(({ system }) => system))];
  const system = wanted ?? systems[0];
  if (system === undefined) throw new InputError(`${path}: holds no results`);
  if (!systems.includes(system))
    throw new InputError(`${path}: holds no results of "${system}"; it has ${systems.join(', ')}`);
  if (wanted === undefined && systems.length > 1)
    throw new InputError(
      `${path}: holds results of ${systems.join(', ')}; name one, for example ${path}#${system}`,
    );
  const own = lines.filter((line) => line.system === system);
  const [first] = own;
  if (first === undefined) throw new InputError(`${path}: holds no results`);
  const rows = new Map(sets.map((set) => [set.name, rowsOf(own, set, path)]));
  return { system, model: first.model, adapter: first.adapter, sampling: first.sampling, rows };
}

function parseLine(line: string, where: string): ResultLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new InputError(`${where}: is not JSON; expected a line that "overtone eval --out" wrote`);
  }
  const parsed = resultLine.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new InputError(
    `${where}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is malformed'}; expected a line that "overtone eval --out" wrote`,
  );
}

function rowsOf(lines: readonly ResultLine[], set: QuestionSet, path: string): EvaluatedRow[] {
  const byId = new Map(lines.filter((line) => line.set === set.name).map((line) => [line.id, line]));
  return set.problems.flatMap(({ id, question, answer }) => {
    const line = byId.get(id);
    if (line === undefined || line.question !== question || line.answer !== answer)
      throw new InputError(
        `${path}: was made of other questions: ${line === undefined ? 'it lacks' : 'it has another'} "${id}"${set.name === '' ? '' : ` of ${set.name}`}; only results of the same questions can be compared, give the task that it was made of`,
      );
    return line.completions.map((each, sampleIndex): EvaluatedRow => ({
      problemId: id,
      sampleIndex,
      text: each.text,
      correct: each.correct,
      answered: each.answered,
      tokens: each.tokens,
      finishReason:
        each.finishReason === 'length' ? FinishReason.FINISH_REASON_LENGTH : FinishReason.FINISH_REASON_STOP,
    }));
  });
}
