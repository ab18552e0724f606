// A judging template: the text that puts two solutions of a question to a judging model, which is to continue with one
// of two verdicts. Templates are files; their hash is part of a judge's fingerprint.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fenceOf, shownData } from './shown-data.ts';

/** The templates that ship with Overtone. */
export const JUDGING_TEMPLATES = ['miniature', 'verdict-only', 'analysis-then-verdict'] as const;

/** What a judging model continues with: the solution shown first is better, or the one shown second. */
export const VERDICTS = ['Judgment: 0', 'Judgment: 1'] as const;

/** A judging template. */
export interface JudgingTemplate {
  /** Its name, or the file's name. */
  name: string;
  /** The text, with "{question}", "{first}" and "{second}", and perhaps "{fence}", the mark of the lines around them. */
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
  if (!existsSync(path) || !statSync(path).isFile()) {
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

/**
 * Fills a template; placeholders inside the question or the solutions stay as they are, and what could pass for the prompt's own
 * text, for a control token or for a verdict does not (see shown-data.ts).
 */
export function renderTemplate(template: JudgingTemplate, comparison: Comparison): string {
  const headings = headingsOf(template);
  const { question, first, second } = comparison;
  const fields = {
    question: shownData(question, headings),
    first: shownData(first, headings),
    second: shownData(second, headings),
    fence: fenceOf(question, first, second),
  };
  return template.text.replace(PLACEHOLDER, (_, field: keyof typeof fields) => fields[field]);
}

/** Most tokens of a filled template beyond those of the data: no token is shorter than a byte. */
export function templateBytes({ text }: JudgingTemplate): number {
  return Buffer.byteLength(text);
}

const PLACEHOLDER = /\{(question|first|second|fence)\}/g;

const headings = new WeakMap<JudgingTemplate, ReadonlySet<string>>();

/** The lines of a template that are the same whatever it is filled with. */
function headingsOf(template: JudgingTemplate): ReadonlySet<string> {
  let lines = headings.get(template);
  if (lines === undefined) {
    const fixed = template.text.split('\n').filter((line) => line.search(PLACEHOLDER) < 0);
    lines = new Set(fixed.map((line) => line.trim()).filter((line) => line !== ''));
    headings.set(template, lines);
  }
  return lines;
}
