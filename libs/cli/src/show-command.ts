// `overtone show`: a run from the inside, as tables for people and as JSON for programs.
import type { ArtifactRef } from '@overtone/artifacts';
import {
  artifactsOf,
  findArtifact,
  listRun,
  questionOf,
  questionsOf,
  readRun,
  rowsOf,
  type RunRecord,
  saturatedIds,
  type ShownArtifact,
  stagesOf,
} from '@overtone/experiment/history';
import { columns, formatSeconds } from '@overtone/report';
import { formatBytes } from './format-bytes.ts';
import { renderQuestion } from './question-table.ts';
import { near } from './runs-command.ts';
import { working } from './sign-of-life.ts';

/** Rows of an artifact that a terminal is shown; what reads a pipe gets all of them. */
const SHOWN = 20;
/** Longest text of a cell, characters. */
const CELL = 60;

/** Shows a run, one of its stages, an artifact, or a question. @throws InputError for what is not there */
export async function showCommand(
  folder: string,
  what: string | undefined,
  { json }: { json: boolean },
  signal: AbortSignal,
): Promise<void> {
  const record = await readRun(folder);
  if (what === undefined) return showRun(record, folder, json);
  if (what === 'questions') return showQuestions(record, json);
  const stages = await stagesOf(record);
  if (stages.some(({ stage }) => stage === what)) return showStage(record, what, json);
  const sign = working();
  sign.say(`looking for ${what}`);
  const question = await questionOf(record, what).finally(sign.done);
  if (question !== undefined) {
    process.stdout.write(json ? `${JSON.stringify(question, null, 2)}\n` : renderQuestion(question));
    return;
  }
  await showArtifact(record, await findArtifact(record, what), json, signal);
}

async function showRun(record: RunRecord, folder: string, json: boolean): Promise<void> {
  const listed = await listRun(record);
  const stages = await stagesOf(record);
  if (json) {
    const { manifest, configuration } = record;
    process.stdout.write(`${JSON.stringify({ ...listed, stages, manifest, configuration }, null, 2)}\n`);
    return;
  }
  const { manifest, report } = record;
  const rows = [
    ['run', near(record.path)],
    ['experiment', listed.name],
    ['state', listed.state],
    ['started', `${manifest.created.slice(0, 19).replace('T', ' ')} UTC`],
    ['took', listed.seconds === null ? '–' : formatSeconds(listed.seconds)],
    ['size', formatBytes(listed.bytes)],
    ['artifacts', manifest.artifacts],
    ['overtone', `${manifest.overtone}, Node ${manifest.node}`],
    ...(report === undefined ? [] : [['report', near(`${record.path}/report.html`)]]),
  ];
  const width = Math.max(...rows.map(([name = '']) => name.length));
  const facts = rows.map(([name = '', text = '']) => `${name.padEnd(width)}  ${text}`).join('\n');
  const table = columns(
    ['stage', 'artifacts', 'size', 'at work'],
    stages
      .filter(({ artifacts, seconds }) => artifacts > 0 || (seconds ?? 0) > 0)
      .map(({ stage, artifacts, bytes, seconds }) => [
        stage,
        String(artifacts),
        artifacts === 0 ? '–' : formatBytes(bytes),
        seconds === null ? '–' : formatSeconds(seconds),
      ]),
    1,
  );
  const next = `overtone show ${folder} <stage>, <artifact>, questions, or <question>`;
  process.stdout.write(`${facts}\n\n${table}\n\nGo on with: ${next}\n`);
}

async function showStage(record: RunRecord, stage: string, json: boolean): Promise<void> {
  const artifacts = await artifactsOf(record, stage);
  if (json) {
    process.stdout.write(`${JSON.stringify(artifacts, null, 2)}\n`);
    return;
  }
  if (artifacts.length === 0) {
    process.stdout.write(`${stage} leaves no artifact of its own.\n`);
    return;
  }
  process.stdout.write(`${artifactTable(artifacts)}\n`);
}

function artifactTable(artifacts: readonly ShownArtifact[]): string {
  return columns(
    ['artifact', 'sha256', 'key', 'type', 'size'],
    artifacts.map(({ label, sha256, key, mediaType, bytes }) => [
      label,
      sha256.slice(0, 12),
      key.slice(0, 12),
      mediaType,
      bytes === null ? 'gone' : formatBytes(bytes),
    ]),
    4,
  );
}

async function showQuestions(record: RunRecord, json: boolean): Promise<void> {
  const saturated = await saturatedIds(record);
  const questions = (await questionsOf(record)).map((question) => ({
    ...question,
    saturated: question.split === 'train' ? saturated.has(question.id) : null,
  }));
  if (json) {
    process.stdout.write(questions.map((question) => `${JSON.stringify(question)}\n`).join(''));
    return;
  }
  const rows = questions.map(({ id, split, difficulty, saturated: isSaturated, answer, question }) => [
    id,
    split,
    difficulty,
    isSaturated === null ? '' : isSaturated ? 'yes' : 'no',
    cell(answer),
    cell(question),
  ]);
  process.stdout.write(
    `${columns(['id', 'split', 'difficulty', 'saturated', 'answer', 'question'], rows, 6)}\n`,
  );
}

async function showArtifact(
  record: RunRecord,
  artifact: ShownArtifact,
  json: boolean,
  signal: AbortSignal,
): Promise<void> {
  if (json) {
    for await (const row of rowsOf(record, artifact)) {
      signal.throwIfAborted();
      if (!process.stdout.write(`${JSON.stringify(row)}\n`))
        await new Promise((resolve) => process.stdout.once('drain', resolve));
    }
    return;
  }
  const { stage, label, sha256, key, mediaType, bytes } = artifact;
  process.stdout.write(
    `${stage} ${label}: ${mediaType}, ${bytes === null ? 'gone' : formatBytes(bytes)}\nsha256  ${sha256}\nkey     ${key}\n\n`,
  );
  if (bytes === null) return;
  const { rows, all } = await firstRows(record, artifact, process.stdout.isTTY ? SHOWN : Infinity);
  process.stdout.write(`${rowTable(rows)}\n`);
  if (all > rows.length)
    process.stdout.write(
      `… and ${(all - rows.length).toLocaleString('en')} more rows; --json prints all, whole\n`,
    );
}

async function firstRows(record: RunRecord, ref: ArtifactRef, most: number) {
  const rows: unknown[] = [];
  let all = 0;
  for await (const row of rowsOf(record, ref)) {
    all += 1;
    if (rows.length < most) rows.push(row);
  }
  return { rows, all };
}

/** Rows as a table: what is a number or a text as it is, everything else by how much there is of it. */
function rowTable(rows: readonly unknown[]): string {
  const records = rows.map((row): Readonly<Record<string, unknown>> =>
    typeof row === 'object' && row !== null ? { ...row } : { value: row },
  );
  const keys = [...new Set(records.flatMap((record) => Object.keys(record)))];
  return columns(
    keys,
    records.map((record) => keys.map((key) => cell(record[key]))),
    keys.length,
  );
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return '–';
  if (Array.isArray(value)) return `${value.length} ${value.length === 1 ? 'item' : 'items'}`;
  if (typeof value === 'number')
    return String(Number.isInteger(value) ? value : Number(value.toPrecision(5)));
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(/\s+/g, ' ');
  return text.length > CELL ? `${text.slice(0, CELL - 1)}…` : text;
}
