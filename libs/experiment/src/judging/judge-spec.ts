// A judge on a command line: a backend's name, or the keys of the `judges` part of an experiment file, with a name before it.
import { parse } from 'yaml';
import { type Judge, judge, resolveJudge } from '../config/judge.ts';
import { missing } from '../config/strict.ts';
import { InputError, oneLine } from '../input-error.ts';

/** A judge and its name. */
export interface JudgeSpec {
  readonly name: string;
  readonly settings: Judge;
}

/**
 * Reads "rubric", "strong={backend: openai, baseUrl: https://…}" and the like. Paths start from the working directory.
 *
 * @throws InputError that says what is wrong.
 */
export function parseJudgeSpec(text: string): JudgeSpec {
  const [, named, body = ''] = /^(?:([\w.:/-]+)=)?([^]*)$/.exec(text.trim()) ?? [];
  let value: unknown;
  try {
    value = parse(body);
  } catch (error) {
    throw new InputError(
      `--judge ${text}: ${oneLine(error instanceof Error ? error.message : String(error))}`,
    );
  }
  const parsed = judge.safeParse(typeof value === 'string' ? { backend: value } : value, { error: missing });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.join('.') ?? '';
    throw new InputError(
      `--judge ${text}: ${path === '' ? '' : `${path}: `}${issue?.message ?? 'malformed'}`,
    );
  }
  const settings = resolveJudge(parsed.data, process.cwd());
  return { name: named ?? settings.backend, settings };
}
