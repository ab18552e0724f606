// The signal cards of a run folder: what its assess stage has found so far, or what its report says.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '@overtone/artifacts';
import { parseReport, type ReportedSignal } from '@overtone/report';
import { parse } from 'yaml';
import { z } from 'zod';
import { InputError } from '../input-error.ts';
import { readRows } from '../run-context.ts';
import { readManifest } from '../run-folder.ts';
import { judgeReliability } from '../stages/score.ts';
import { fidelitySchema } from './fidelity-schema.ts';
import { signalCard } from './signal-card.ts';

const configuration = z.object({
  audit: z.object({ judge: z.string() }).optional(),
  signals: z.record(
    z.string(),
    z.object({
      method: z.string(),
      judge: z.string().optional(),
      judges: z.array(z.string()).optional(),
    }),
  ),
});

/**
 * The cards of the signals that a run has assessed, in the order of its configuration; the run may be at work, interrupted
 * or done.
 * @throws InputError when the folder holds no run, or one that has assessed nothing
 */
export async function cardsOfRun(folder: string): Promise<ReportedSignal[]> {
  const manifest = readManifest(folder);
  if (manifest === undefined)
    throw new InputError(
      `${folder} holds no run: there is no manifest.json; give a run folder or a JSONL file`,
    );
  const store = openStore(manifest.artifacts);
  const { signals, audit } = configuration.parse(parse(readFileSync(join(folder, 'config.yaml'), 'utf8')));
  const cards: ReportedSignal[] = [];
  for (const [name, { method, judge, judges }] of Object.entries(signals)) {
    const resultOf = (wanted: string) =>
      manifest.results.findLast(({ stage, label }) => stage === wanted && label === name);
    const result = resultOf('assess');
    if (result === undefined || !(await store.has(result))) continue;
    const reliability = judges === undefined ? undefined : resultOf('reliability');
    const panel =
      reliability === undefined || !(await store.has(reliability))
        ? []
        : await readRows(store, reliability, (value) => judgeReliability.parse(value));
    const title = { name, method, judge: judge ?? judges?.join(', ') ?? null, auditor: audit?.judge, panel };
    for await (const row of store.readJsonl(result, (value) => fidelitySchema.safeParse(value))) {
      // An assessment of an earlier version has fewer figures; its card is in the report.
      if (row.success) cards.push(signalCard(title, row.data));
    }
  }
  if (cards.length > 0) return cards;
  const report = join(folder, 'report.json');
  const reported = existsSync(report) ? parseReport(readFileSync(report, 'utf8')).signals : [];
  if (reported.length === 0)
    throw new InputError(
      `${folder} has no signal cards yet: its run has assessed none of its ${Object.keys(signals).length} signals (state: ${manifest.state}); continue the run, or wait for it`,
    );
  return reported;
}
