// Which environment variables the code reads, read from its sources: names in code, not in comments.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { repository } from './kustomize.fixture.ts';

const NAME = /^(?:OVERTONE|OTEL|AWS|HF|OPENAI|NODE)_[A-Z0-9_]+$/;

/** The variables that sources below `folder` (of the repository) name, but for tests. */
export function variablesOf(folder: string): Set<string> {
  const names = new Set<string>();
  for (const entry of readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    if (/\.(test|fixture)\.ts$/.test(entry.name) || entry.parentPath.includes('node_modules')) continue;
    for (const name of namesIn(readFileSync(join(entry.parentPath, entry.name), 'utf8'))) names.add(name);
  }
  return names;
}

function namesIn(source: string): string[] {
  if (!/\b(?:OVERTONE|OTEL|AWS|HF|OPENAI|NODE)_/.test(source)) return [];
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    if ((ts.isIdentifier(node) || ts.isStringLiteral(node)) && NAME.test(node.text)) names.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('source.ts', source, ts.ScriptTarget.ESNext));
  return names;
}
