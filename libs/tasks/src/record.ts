// A record: one row of a data set, whatever the format, and the problem that it states.
import { createHash } from 'node:crypto';
import { canonicalAnswer } from './answer.ts';
import type { LoadedProblem } from './problem.ts';

/** What the fields of a record are called. */
export interface Fields {
  /** The question, a text. Default "question". */
  readonly question: string;
  /** The answer: a number, a short text, or a worked solution that ends in "#### 18" or "\boxed{18}". Default "answer". */
  readonly answer: string;
  /** Optional in a record: its id, a text or a whole number. Default "id". */
  readonly id: string;
  /** Optional in a record: a label of difficulty, a text or a number. Default "difficulty". */
  readonly difficulty: string;
}

/** How records are read. */
export interface RecordOptions {
  /** Names that differ from the defaults. */
  readonly fields?: { readonly [Name in keyof Fields]?: Fields[Name] | undefined };
  /** Leave answers as they are, for a verifier that reads them itself. Default false: they are made canonical. */
  readonly rawAnswers?: boolean;
  readonly signal?: AbortSignal;
}

/** The fields' names with the defaults filled in. */
export function fieldNames(fields: RecordOptions['fields'] = {}): Fields {
  const { question = 'question', answer = 'answer', id = 'id', difficulty = 'difficulty' } = fields;
  return { question, answer, id, difficulty };
}

/**
 * The problems that records state. A missing id is derived from the question, so that the same question has the same id
 * wherever it stands; a missing difficulty is "".
 *
 * @param source what to call the data in errors, usually a path.
 * @param records what was read, each with its place in the source, for example ":12" or ", row 12".
 * @throws Error that names the source, the place and the field.
 */
export function problemsOf(
  records: Iterable<{ readonly place: string; readonly value: unknown }>,
  source: string,
  options: RecordOptions = {},
): LoadedProblem[] {
  const names = fieldNames(options.fields);
  const problems: LoadedProblem[] = [];
  const placeOfId = new Map<string, string>();
  for (const { place, value } of records) {
    options.signal?.throwIfAborted();
    const problem = parseRecord(value, `${source}${place}`, names, options.rawAnswers ?? false);
    const earlier = placeOfId.get(problem.id);
    if (earlier !== undefined) {
      throw new Error(
        `${source}${place}: id ${JSON.stringify(problem.id)} is already that of ${source}${earlier}; give every problem its own id, or drop the repeated question`,
      );
    }
    placeOfId.set(problem.id, place);
    problems.push(problem);
  }
  if (problems.length === 0) {
    throw new Error(
      `${source}: no problems; expected records with "${names.question}" and "${names.answer}"`,
    );
  }
  return problems;
}

function parseRecord(value: unknown, where: string, names: Fields, rawAnswers: boolean): LoadedProblem {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${where}: expected an object with "${names.question}" and "${names.answer}"`);
  }
  const fields = new Map<string, unknown>(Object.entries(value));
  const question = fields.get(names.question);
  if (typeof question !== 'string' || question.trim() === '') {
    throw new Error(
      `${where}: "${names.question}" must be a non-empty string${whatThereIs(names.question, fields)}`,
    );
  }
  const id = label(fields.get(names.id)) ?? createHash('sha256').update(question).digest('hex').slice(0, 16);
  if (id === '' || id === false) throw new Error(`${where}: "${names.id}" must be a non-empty string`);
  const difficulty = label(fields.get(names.difficulty)) ?? '';
  if (difficulty === false) throw new Error(`${where}: "${names.difficulty}" must be a string or a number`);
  const given = fields.get(names.answer);
  if (typeof given !== 'string' && typeof given !== 'number' && typeof given !== 'bigint') {
    const got = given === undefined ? whatThereIs(names.answer, fields) : `; got ${show(given)}`;
    throw new Error(`${where}: "${names.answer}" must be a number or a text${got}`);
  }
  const stated = String(given);
  try {
    const answer = rawAnswers ? stated : canonicalAnswer(stated);
    const solution = !rawAnswers && /####|\\boxed/.test(stated) ? { solution: stated } : {};
    return { id, question, answer, difficulty, ...solution };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${where}: "${names.answer}" is ${show(stated)}: ${reason}`, { cause: error });
  }
}

/** Texts and numbers as text; undefined for what is missing, false for anything else. */
function label(value: unknown): string | undefined | false {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : false;
}

function whatThereIs(name: string, fields: ReadonlyMap<string, unknown>): string {
  return fields.has(name)
    ? ''
    : `, but is missing; there is ${[...fields.keys()].map((key) => `"${key}"`).join(', ') || 'nothing'} (name other fields with "fields")`;
}

function show(value: unknown): string {
  const text =
    typeof value === 'object'
      ? JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part))
      : JSON.stringify(typeof value === 'string' ? value : `${typeof value}`);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
