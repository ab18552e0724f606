// `overtone judge`: starts what judges, streams questions through it, and says what the verdicts look like and what they cost.
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  createWriteStream,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { openStore } from '@overtone/artifacts';
import { JudgeServiceClient, ScorerServiceClient } from '@overtone/contracts';
import { InputError, Supervisor } from '@overtone/experiment';
import {
  describeJudge,
  judgeEnvironment,
  judgeQuestions,
  type JudgedSummary,
  type JudgeSpec,
  type NamedJudge,
  parseJudgeSpec,
  readQuestions,
} from '@overtone/experiment/judging';
import { connect, connectReplicas, type Remote } from '@overtone/rpc';

/** Options of `overtone judge`. */
export interface JudgeFlags {
  judge: string[];
  out?: string;
  store?: string;
  model?: string;
  plan?: JudgeSpec['settings']['plan'];
  maxPairs?: number;
  calls?: number;
  tokens?: number;
  json: boolean;
}

const PROGRESS_MS = 10_000;

/** Judges the questions of a file. @throws InputError when it cannot be; JudgeDown when a judge stays down */
export async function judgeCommand(path: string, flags: JudgeFlags, signal: AbortSignal): Promise<void> {
  const specs = readSpecs(flags);
  if (!existsSync(path) || !statSync(path).isFile())
    throw new InputError(
      `${path} ${existsSync(path) ? 'is no file' : 'does not exist'}; give a JSONL file of questions`,
    );
  const out = flags.out === undefined ? undefined : resolve(flags.out);
  if (out !== undefined) makeRoom(out);
  if (flags.store !== undefined && /^s3:/i.test(flags.store))
    throw new InputError(
      `--store: ${flags.store} is no folder, and verdicts are appended to files, which a bucket cannot do; give a folder on a disk that stays`,
    );
  const store = resolve(flags.store ?? `${out ?? resolve(path)}.store`);
  mkdirSync(join(store, 'logs'), { recursive: true });
  const failure = new AbortController();
  const stop = AbortSignal.any([signal, failure.signal]);
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const supervisor = new Supervisor({
    logs: join(store, 'logs'),
    say,
    onFailure: (error) => failure.abort(error),
    signal: stop,
  });
  const closing: { close(): void }[] = [];
  let done = 0;
  let told = 0;
  const progress = setInterval(() => {
    if (done > told) say(`judge: ${(told = done)} questions`);
  }, PROGRESS_MS);
  try {
    const { scorer, judges } = await start(supervisor, specs, flags, { signal: stop, say, closing });
    const rows = judgeQuestions(readQuestions(path), {
      scorer,
      judges,
      store: openStore(pathToFileURL(store).href),
      signal: stop,
      // Who pays: these questions, judged into this place.
      runId: createHash('sha256')
        .update(JSON.stringify([resolve(path), out ?? '']))
        .digest('hex')
        .slice(0, 16),
      progress: { say },
      onQuestion: () => done++,
    });
    const summaries = await write(rows, out);
    report(summaries, flags, out);
  } catch (error) {
    if (stop.aborted) throw stop.reason;
    throw error;
  } finally {
    clearInterval(progress);
    for (const client of closing) client.close();
    await supervisor.stop();
  }
}

function readSpecs({ judge, plan, maxPairs, calls, tokens }: JudgeFlags): JudgeSpec[] {
  const specs = judge.map((text): JudgeSpec => {
    const { name, settings } = parseJudgeSpec(text);
    const budget = {
      ...settings.budget,
      ...(calls === undefined ? {} : { calls }),
      ...(tokens === undefined ? {} : { tokens }),
    };
    return {
      name,
      settings: {
        ...settings,
        ...(plan === undefined ? {} : { plan }),
        ...(maxPairs === undefined ? {} : { maxPairs }),
        ...(Object.keys(budget).length === 0 ? {} : { budget }),
      },
    };
  });
  const twice = specs.find(({ name }, index) => specs.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined)
    throw new InputError(
      `--judge: two judges are called "${twice.name}"; write another name before one: name=…`,
    );
  return specs;
}

async function start(
  supervisor: Supervisor,
  specs: readonly JudgeSpec[],
  { model }: JudgeFlags,
  context: {
    readonly signal: AbortSignal;
    readonly say: (text: string) => void;
    readonly closing: { close(): void }[];
  },
): Promise<{ scorer: Remote<typeof ScorerServiceClient.service>; judges: NamedJudge[] }> {
  const needsModel = specs.find(({ settings }) => settings.backend === 'generator');
  if (needsModel !== undefined && model === undefined)
    throw new InputError(`judge "${needsModel.name}" is a model: give it with --model`);
  const generator =
    needsModel === undefined
      ? ''
      : await supervisor.start('generator', {
          OVERTONE_BACKEND: 'engine',
          OVERTONE_MODEL: localModel(model ?? ''),
        });
  const scorer = connect(ScorerServiceClient, await supervisor.start('scorer', {}));
  context.closing.push(scorer);
  const judges = await Promise.all(
    specs.map(async ({ name, settings }) => {
      const address =
        settings.backend === 'address'
          ? settings.address
          : await supervisor.start(
              'judge',
              { ...judgeEnvironment(name, settings), OVERTONE_GENERATOR: generator },
              `judge-${name.replaceAll(/[^\w-]/g, '-')}`,
            );
      const remote = connectReplicas(JudgeServiceClient, address);
      context.closing.push(remote);
      return describeJudge(name, remote, settings, context);
    }),
  );
  return { scorer, judges };
}

/** A path as it is from everywhere; other references stay. */
function localModel(model: string): string {
  return existsSync(model) ? resolve(model) : model;
}

/** Writes rows as they come; a file is there whole or not at all. */
async function write(
  rows: AsyncGenerator<unknown, JudgedSummary[]>,
  out: string | undefined,
): Promise<JudgedSummary[]> {
  let summaries: JudgedSummary[] = [];
  const lines = async function* (): AsyncGenerator<string> {
    for (;;) {
      const next = await rows.next();
      if (next.done === true) {
        summaries = next.value;
        return;
      }
      yield `${JSON.stringify(next.value)}\n`;
    }
  };
  if (out === undefined) {
    await pipeline(lines, process.stdout, { end: false });
    return summaries;
  }
  const partial = `${out}.partial`;
  try {
    await pipeline(lines, createWriteStream(partial));
    renameSync(partial, out);
  } finally {
    rmSync(partial, { force: true });
  }
  return summaries;
}

/** Makes the folder of a file that is to be written. @throws InputError when it cannot be */
function makeRoom(out: string): void {
  try {
    mkdirSync(dirname(out), { recursive: true });
    accessSync(dirname(out), constants.W_OK);
  } catch (error) {
    throw new InputError(`--out: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (existsSync(out) && statSync(out).isDirectory())
    throw new InputError(`--out: ${out} is a folder; give a file`);
}

function report(summaries: readonly JudgedSummary[], { json }: JudgeFlags, out: string | undefined): void {
  const text = json
    ? `${JSON.stringify(summaries, null, 2)}\n`
    : summaries.map((summary) => describe(summary)).join('');
  (out === undefined ? process.stderr : process.stdout).write(text);
}

function describe(summary: JudgedSummary): string {
  const share = (value: number | null): string => (value === null ? '–' : `${(value * 100).toFixed(1)} %`);
  const { judge, questions, pairs, calls, callsNow, promptTokens, completionTokens, cost, unjudged } =
    summary;
  const lines: [string, string][] = [
    [
      'questions',
      `${questions}${unjudged > 0 ? `, ${unjudged} of them without verdicts (budget spent)` : ''}`,
    ],
    ['pairs', String(pairs)],
    ['unreadable', share(summary.unreadable)],
    ['order consistency', share(summary.orderConsistency)],
    [
      'position bias',
      summary.positionBias === null
        ? '–'
        : `${summary.positionBias >= 0 ? '+' : ''}${summary.positionBias.toFixed(3)}`,
    ],
    ['tie rate', share(summary.tieRate)],
    [
      'calls',
      calls === 0 && pairs > 0
        ? '0, all verdicts were known'
        : `${calls}${callsNow === calls ? '' : `, ${callsNow} of them now`}`,
    ],
    ['tokens', `${promptTokens} read, ${completionTokens} written`],
    ...(cost === null ? [] : [['cost', cost.toFixed(4)] satisfies [string, string]]),
  ];
  return `${judge}\n${lines.map(([label, value]) => `  ${label.padEnd(18)} ${value}\n`).join('')}`;
}
