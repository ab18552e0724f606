// A judging template: the text that puts two solutions of a question to a judging model, which is to continue with one
// of two verdicts. Templates are files; their hash is part of a judge's fingerprint.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The templates that ship with Overtone. */
export const JUDGING_TEMPLATES = ['miniature', 'verdict-only'] as const;

/** What a judging model continues with: the solution shown first is better, or the one shown second. */
export const VERDICTS = ['Judgment: 0', 'Judgment: 1'] as const;

/** A judging template. */
export interface JudgingTemplate {
  /** Its name, or the file's name. */
  name: string;
  /** The text, with "{question}", "{first}" and "{second}". */
  text: string;
  /** Lower-case hexadecimal SHA-256 of the text and of the two verdicts. */
  sha256: string;
}

/** What a template is filled with. */
export interface Comparison {
  /** The question that both solutions answer. */
  question: string;
  /** The solution shown first. */
  first: string;
  /** The solution shown second. */
  second: string;
}

/**
 * Loads a judging template.
 *
 * @param nameOrPath one of {@link JUDGING_TEMPLATES}, or the path of a text file.
 * @throws Error when there is no such template, or when it lacks a placeholder.
 */
export function loadTemplate(nameOrPath: string): JudgingTemplate {
  const shipped = JUDGING_TEMPLATES.find((name) => name === nameOrPath);
  const path = shipped ? fileURLToPath(new URL(`../templates/${shipped}.txt`, import.meta.url)) : nameOrPath;
  if (!existsSync(path)) {
    throw new Error(
      `no judging template ${JSON.stringify(nameOrPath)}: expected one of ${JUDGING_TEMPLATES.join(', ')}, or the path of a text file`,
    );
  }
  const text = readFileSync(path, 'utf8').trimEnd();
  for (const field of ['question', 'first', 'second']) {
    if (!text.includes(`{${field}}`)) {
      throw new Error(`judging template ${path} has no "{${field}}": put it where the ${field} belongs`);
    }
  }
  const sha256 = createHash('sha256')
    .update([text, ...VERDICTS].join('\0'))
    .digest('hex');
  return { name: shipped ?? basename(path), text, sha256 };
}

/** Fills a template; placeholders inside the question or the solutions stay as they are. */
export function renderTemplate(template: JudgingTemplate, comparison: Comparison): string {
  return template.text.replace(
    /\{(question|first|second)\}/g,
    (_, field: keyof Comparison) => comparison[field],
  );
}
