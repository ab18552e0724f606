// What each stage did and what that cost: calls, tokens, seconds, money.
import type { Report, StageCost } from '@overtone/report';
import { z } from 'zod';
import type { RunArtifacts } from './run-artifacts.ts';

const counted = z.object({ tokens: z.number() });
const trained = z.object({
  metrics: z.array(z.object({ values: z.record(z.string(), z.number().nullable()) })),
});

/** The costs of all stages that cost anything worth saying. */
export async function stageCosts(
  run: RunArtifacts,
  { timings, judges }: Pick<Report, 'timings' | 'judges'>,
): Promise<StageCost[]> {
  const seconds = (stage: string): number | null => timings[stage] ?? null;
  const nothing = { calls: null, tokens: null, promptTokens: null, money: null };
  const sampled = await total(run, 'sample');
  const evaluated = await total(run, 'evaluate');
  const steps = await training(run);
  const compare = judges.map((judge): StageCost => ({
    stage: `compare: ${judge.name}`,
    unit: 'comparisons',
    calls: judge.calls,
    tokens: judge.completionTokens,
    promptTokens: judge.promptTokens,
    seconds: null,
    money: judge.cost,
  }));
  const own: StageCost[] = [
    { ...nothing, stage: 'start', unit: '', seconds: seconds('start') },
    { ...nothing, stage: 'sample', unit: 'solutions', ...sampled, seconds: seconds('sample') },
    { ...nothing, stage: 'compare', unit: '', seconds: seconds('compare') },
    ...compare,
    { ...nothing, stage: 'score', unit: '', seconds: seconds('score') },
    { ...nothing, stage: 'assess', unit: '', seconds: seconds('assess') },
    { ...nothing, stage: 'train', unit: 'steps', ...steps, seconds: seconds('train') },
    { ...nothing, stage: 'evaluate', unit: 'solutions', ...evaluated, seconds: seconds('evaluate') },
  ];
  return own.filter(({ calls, seconds }) => (calls ?? 0) > 0 || (seconds ?? 0) >= 0.05);
}

/** Solutions and tokens of all results of a stage; those of parts are in the whole, too. */
async function total(run: RunArtifacts, stage: string): Promise<Pick<StageCost, 'calls' | 'tokens'>> {
  let calls = 0;
  let tokens = 0;
  const seen = new Set<string>();
  for (const result of run.manifest.results) {
    if (result.stage !== stage || / part \d+$/.test(result.label) || seen.has(result.key)) continue;
    seen.add(result.key);
    if (!(await run.store.has(result))) continue;
    for await (const row of run.store.readJsonl(result, (value) => counted.parse(value))) {
      calls++;
      tokens += row.tokens;
    }
  }
  return { calls, tokens };
}

/** Steps of all trainings and the tokens that they read. */
async function training(run: RunArtifacts): Promise<Pick<StageCost, 'calls' | 'promptTokens'>> {
  let calls = 0;
  let promptTokens = 0;
  for (const result of run.manifest.results) {
    if (result.stage !== 'train' || !(await run.store.has(result))) continue;
    for await (const { metrics } of run.store.readJsonl(result, (value) => trained.parse(value))) {
      calls += metrics.length;
      for (const { values } of metrics) promptTokens += values['tokens'] ?? 0;
    }
  }
  return { calls, promptTokens };
}
