// `overtone export dataset`: the scored groups of a run, or of a trainer's data set, as files for other trainers.
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '@overtone/artifacts';
import { InputError, type Manifest, readManifest, unknownName } from '@overtone/experiment/prepare';
import {
  parseTrainingGroup,
  readTrainingGroups,
  TrainingError,
  type TrainingGroup,
} from '@overtone/training';
import { checkExportFolder } from './export-folder.ts';
import { writeParquet } from './parquet-file.ts';
import { type TrlDataset, trlDatasets } from './trl-dataset.ts';

/** Options of `overtone export dataset`. */
export interface ExportDatasetFlags {
  readonly format: 'trl';
  readonly out: string;
  readonly signal?: string;
  readonly force: boolean;
  readonly json: boolean;
}

/**
 * Writes the data sets.
 *
 * @throws InputError when there are no groups to be had, no preferences in them, or the folder is in use.
 */
export async function exportDataset(
  path: string,
  { out, signal: wanted, force, json }: ExportDatasetFlags,
  signal: AbortSignal,
): Promise<void> {
  if (!existsSync(path))
    throw new InputError(`${path} does not exist; give a run folder, or a JSONL file of scored groups`);
  checkExportFolder(out, force);
  const groups = statSync(path).isDirectory()
    ? await groupsOfRun(path, wanted, signal)
    : await groupsOfFile(path, wanted, signal);
  const datasets = trlDatasets(groups);
  const preferences = datasets.find(({ name }) => name === 'dpo')?.rows.length ?? 0;
  if (preferences === 0)
    throw new InputError(
      `${path} has nothing to learn from: in each of its ${groups.length} groups all solutions have equal scores`,
    );
  mkdirSync(out, { recursive: true });
  for (const dataset of datasets) {
    signal.throwIfAborted();
    const lines = dataset.rows.map((row) => `${JSON.stringify(row)}\n`);
    writeFileSync(join(out, `${dataset.name}.jsonl`), lines.join(''));
    writeParquet(join(out, `${dataset.name}.parquet`), dataset);
  }
  writeFileSync(join(out, 'README.md'), datasetCard(datasets, groups.length));
  const counts = Object.fromEntries(datasets.map(({ name, rows }) => [name, rows.length]));
  process.stdout.write(
    json
      ? `${JSON.stringify({ out, groups: groups.length, tied: groups.length - preferences, rows: counts }, null, 2)}\n`
      : `${out}: ${groups.length} groups, ${groups.length - preferences} of them without a preference; rows: ${Object.entries(
          counts,
        )
          .map(([name, count]) => `${name} ${count}`)
          .join(', ')}\n`,
  );
}

async function groupsOfFile(
  path: string,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<TrainingGroup[]> {
  if (wanted !== undefined)
    throw new InputError(`--signal names a signal of a run, and ${path} is a file; leave --signal away`);
  const groups: TrainingGroup[] = [];
  try {
    for await (const group of readTrainingGroups(path)) {
      signal.throwIfAborted();
      groups.push(group);
    }
  } catch (error) {
    throw error instanceof TrainingError ? new InputError(error.message, { cause: error }) : error;
  }
  if (groups.length === 0) throw new InputError(`${path} is empty; it should hold one scored group a line`);
  return groups;
}

async function groupsOfRun(
  path: string,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<TrainingGroup[]> {
  const manifest = readManifest(path);
  if (manifest === undefined)
    throw new InputError(
      `${path} holds no run: there is no manifest.json; give a run folder, or a JSONL file`,
    );
  const result = scoredGroups(path, manifest, wanted);
  const store = openStore(manifest.artifacts);
  if (!(await store.has(result)))
    throw new InputError(`${path}: the scored groups are no longer in ${manifest.artifacts}; run it again`);
  const groups: TrainingGroup[] = [];
  const parse = (value: unknown): TrainingGroup => parseTrainingGroup(JSON.stringify(value), result.label);
  for await (const group of store.readJsonl(result, parse)) {
    signal.throwIfAborted();
    groups.push(group);
  }
  return groups;
}

/** The training data of a signal, the only one where none is named. */
function scoredGroups(path: string, { results, state }: Manifest, wanted: string | undefined) {
  // Scores that were divided by a temperature are in the same order.
  const datasets = new Map(
    results
      .filter(({ stage }) => stage === 'dataset')
      .map((result) => [result.label.replace(/ at temperature \S+$/, ''), result]),
  );
  const names = [...datasets.keys()];
  if (names.length === 0)
    throw new InputError(
      `${path} has no scored groups yet: its run is ${state} and has made no training data; continue it, or give its experiment an arm`,
    );
  if (wanted === undefined && names.length > 1)
    throw new InputError(`${path} has several signals; give one of them with --signal: ${names.join(', ')}`);
  const found = datasets.get(wanted ?? names[0] ?? '');
  if (found === undefined) throw new InputError(`--signal: ${unknownName('signal', wanted ?? '', names)}`);
  return found;
}

/** What `datasets` reads about a folder, and people too. */
function datasetCard(datasets: readonly TrlDataset[], groups: number): string {
  const configurations = datasets.map(
    ({ name }) => `  - config_name: ${name}\n    data_files: ${name}.parquet\n`,
  );
  const rows = datasets.map(
    ({ name, rows: { length }, columns }) => `| ${name} | ${length} | ${Object.keys(columns).join(', ')} |\n`,
  );
  return `---
configs:
${configurations.join('')}---

# Scored groups for TRL

Made by \`overtone export dataset --format trl\` of ${groups} questions. Each data set is here as Parquet and as JSONL, in TRL's conversational
format.

| data set | rows | columns |
| --- | --- | --- |
${rows.join('')}
- dpo: the best and the worst scored solution of each question, for \`DPOTrainer\`, \`CPOTrainer\` (also SimPO) and \`ORPOTrainer\`.
- kto: every solution, desirable above the mean score of its question, for \`KTOTrainer\`.
- sft: the best scored solution of each question, for \`SFTTrainer\`.

\`\`\`python
from datasets import load_dataset

load_dataset("<this folder>", "dpo", split="train")
\`\`\`
`;
}
