// `overtone eval --dry-run`: what would be sampled, what is known already, and how much memory it would take. Writes nothing.
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openStore } from '@overtone/artifacts';
import { knownSolutions } from '@overtone/experiment/evaluation';
import { readDecoderConfig, readTokenizer } from '@overtone/language-model';
import { defaultCacheBytes, predictSamplingMemory } from '@overtone/sampling';
import { askingTurns } from '@overtone/tasks';
import { storeAdapter } from './eval-adapters.ts';
import type { CheckedAdapter, CheckedEvaluation, CheckedHost } from './eval-check.ts';
import { formatBytes } from './format-bytes.ts';

/** What an evaluation would do. */
export interface EvaluationPlan {
  readonly task: string;
  /** By the set's name. */
  readonly questions: Readonly<Record<string, number>>;
  readonly systems: readonly {
    readonly name: string;
    /** Solutions in all. */
    readonly solutions: number;
    /** Solutions that are in the store; undefined where only the generator can tell by which hash. */
    readonly known: number | undefined;
  }[];
  /** Most tokens that would be sampled. */
  readonly tokens: number;
  /** Bytes of the generator, of the model that takes most; undefined where it runs elsewhere. */
  readonly memory: number | undefined;
}

/** Plans an evaluation. */
async function planEvaluation(checked: CheckedEvaluation): Promise<EvaluationPlan> {
  const { task, systems, decoding, seed, artifacts } = checked;
  const store = openStore(artifacts);
  const questions = task.sets.reduce((sum, { problems }) => sum + problems.length, 0);
  const planned: EvaluationPlan['systems'][number][] = [];
  let memory: number | undefined;
  for (const system of systems) {
    if ('file' in system) continue;
    const { name, host, adapter } = system;
    const known =
      host.sha256 === undefined
        ? undefined
        : await knownSolutions(
            store,
            { task, decoding, seed },
            {
              name,
              model: host.sha256,
              adapter: adapter === undefined ? undefined : await referenceOf(adapter),
            },
          );
    planned.push({ name, solutions: questions * decoding.samples, known });
    const own = await memoryOf(host, checked);
    if (own !== undefined) memory = Math.max(memory ?? 0, own);
  }
  const left = planned.reduce((sum, { solutions, known = 0 }) => sum + solutions - known, 0);
  return {
    task: task.name,
    questions: Object.fromEntries(task.sets.map(({ name, problems }) => [name, problems.length])),
    systems: planned,
    tokens: left * decoding.maxNewTokens,
    memory,
  };
}

/** An adapter's reference, without the store. */
async function referenceOf(adapter: CheckedAdapter) {
  const folder = await mkdtemp(join(tmpdir(), 'overtone-plan-'));
  try {
    return await storeAdapter(openStore(pathToFileURL(folder).href), adapter);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function memoryOf(
  { path, engine }: CheckedHost,
  { task, decoding }: CheckedEvaluation,
): Promise<number | undefined> {
  if (path === undefined) return undefined;
  const config = await readDecoderConfig(path);
  const tokenizer = await readTokenizer(path);
  const lengths = task.sets
    .flatMap(({ problems }) => problems)
    .map((problem) => tokenizer.encodeChat(askingTurns(task.prompt, problem)).length);
  const promptTokens = lengths.reduce((longest, length) => Math.max(longest, length), 0);
  const { device = 'cpu', precision = 'float32', threads } = engine ?? {};
  return predictSamplingMemory({
    config,
    workers: threads ?? availableParallelism(),
    cacheBytes: defaultCacheBytes(),
    promptTokens,
    maxNewTokens: decoding.maxNewTokens,
    scoredTokens: promptTokens,
    hardware: { device, precision },
  }).total;
}

/** Prints the plan. */
export async function evalDryRun(checked: CheckedEvaluation, json: boolean): Promise<void> {
  const plan = await planEvaluation(checked);
  process.stdout.write(json ? `${JSON.stringify(plan, null, 2)}\n` : renderEvaluationPlan(plan, checked));
}

function renderEvaluationPlan(plan: EvaluationPlan, { decoding }: CheckedEvaluation): string {
  const count = (value: number): string => value.toLocaleString('en');
  const rows = [
    ['task', plan.task],
    [
      'questions',
      Object.entries(plan.questions)
        .map(([name, number]) => `${count(number)}${name === '' ? '' : ` ${name}`}`)
        .join(', '),
    ],
    ...plan.systems.map(({ name, solutions, known }) => [
      name,
      `${count(solutions)} solutions${known === undefined ? '' : known === solutions ? ', all known' : known > 0 ? `, ${count(known)} of them known` : ''}`,
    ]),
    ['tokens', `at most ${count(plan.tokens)} to sample, ${count(decoding.maxNewTokens)} a solution`],
    [
      'generator',
      plan.memory === undefined
        ? 'memory not predicted: it runs elsewhere'
        : `at most ${formatBytes(plan.memory)}`,
    ],
  ];
  const width = Math.max(...rows.map(([name = '']) => name.length));
  return `${rows.map(([name = '', text = '']) => `${name.padEnd(width)}  ${text}`).join('\n')}\n`;
}
