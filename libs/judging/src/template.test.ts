import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { JUDGING_TEMPLATES, loadTemplate, renderTemplate } from './template.ts';

const comparison = { question: 'Q {first}', first: 'F $& {second}', second: 'S {question}' };

describe('judging templates', () => {
  it.each(JUDGING_TEMPLATES)('%s shows the question and both solutions, literally and in order', (name) => {
    const text = renderTemplate(loadTemplate(name), comparison);
    const places = [comparison.question, comparison.first, comparison.second].map((part) =>
      text.indexOf(part),
    );
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places.every((place) => place >= 0)).toBe(true);
  });

  it('have a hash that changes with the text', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'overtone-template-'));
    try {
      const path = join(folder, 'mine.txt');
      await writeFile(path, '{question} {first} {second}\n');
      const before = loadTemplate(path);
      await writeFile(path, '{question}: {first} {second}\n');
      expect(loadTemplate(path).sha256).not.toBe(before.sha256);
      expect(before.name).toBe('mine.txt');
      await writeFile(path, '{question} {first}\n');
      expect(() => loadTemplate(path)).toThrow('has no "{second}"');
    } finally {
      await rm(folder, { recursive: true });
    }
    expect(() => loadTemplate('no-such')).toThrow('expected one of miniature, verdict-only');
  });
});
