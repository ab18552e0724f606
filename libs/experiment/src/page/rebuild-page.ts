// The page of a run folder, made anew from report.json and the artifacts.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseReport, renderPage } from '@overtone/report';
import { InputError } from '../input-error.ts';
import { readPageMaterial } from './page-material.ts';

/**
 * Writes report.html of a run that has a report.json.
 *
 * @param out where to write it. Default: into the folder.
 * @returns the path and the bytes of what was written.
 * @throws InputError when the folder holds no run, or one without a report.
 */
export async function rebuildPage(
  folder: string,
  out = join(folder, 'report.html'),
): Promise<{ path: string; bytes: number }> {
  const file = join(folder, 'report.json');
  if (!existsSync(file))
    throw new InputError(
      `${folder} holds no report: there is no report.json; give the folder of a run that has come to its end`,
    );
  const report = parseReport(readFileSync(file, 'utf8'));
  const html = await renderPage(report, await readPageMaterial(folder, report));
  const temporary = `${out}.${process.pid}.tmp`;
  writeFileSync(temporary, html);
  renameSync(temporary, out);
  return { path: out, bytes: Buffer.byteLength(html) };
}
