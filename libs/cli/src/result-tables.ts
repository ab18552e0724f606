// The results of a run as tables: read from its artifacts and its report, one row for everything that was measured.
import type { ArtifactStore } from '@overtone/artifacts';
import { FinishReason } from '@overtone/contracts';
import { questionsOf, type RunRecord, saturatedIds, storeOf } from '@overtone/experiment/history';
import type { Report } from '@overtone/report';
import { z } from 'zod';
import type { Cell, Table } from './parquet-file.ts';
import { columnKinds, RESULT_TABLES, type ResultTable } from './result-columns.ts';

type Row = Readonly<Record<string, Cell>>;
type Results = RunRecord['manifest']['results'];

const sampled = z.object({
  problemId: z.string(),
  index: z.int(),
  text: z.string(),
  tokens: z.int(),
  meanLogprob: z.number(),
  meanEntropy: z.number(),
});
const scored = z.object({
  problemId: z.string(),
  scores: z.array(
    z.object({ index: z.int(), score: z.number(), standardError: z.number().nullable().optional() }),
  ),
});
const judged = z.object({
  problemId: z.string(),
  verdicts: z.array(
    z.object({
      i: z.int(),
      j: z.int(),
      forward: z.number().nullable().optional(),
      backward: z.number().nullable().optional(),
    }),
  ),
});
const evaluated = z.object({
  problemId: z.string(),
  sampleIndex: z.int(),
  text: z.string(),
  correct: z.boolean(),
  answered: z.boolean(),
  tokens: z.int(),
  finishReason: z.int().optional(),
});

/** What a label says of the weights, and the rest of it: "dpo/a seed 2 round 3, hard". */
function placeOf(label: string, trained: boolean) {
  const match = /^(.+) seed (\d+)(?: round (\d+))?(?=$|[ ,:])[ ,:]*/.exec(label);
  const rest = match === null ? label : label.slice(match[0].length);
  const round = Number(match?.[3] ?? 1);
  return {
    rest,
    // The samples of a round are drawn with the weights of the round before.
    place: {
      arm: match?.[1] ?? 'base',
      seed: match === null ? null : Number(match[2]),
      round: match === null ? 0 : trained ? round : round - 1,
    },
  };
}

/** Rows of all artifacts of a stage; those that are gone are passed over. */
async function* rowsOf<Line>(
  store: ArtifactStore,
  results: Results,
  stage: string,
  schema: z.ZodType<Line>,
  signal: AbortSignal,
): AsyncGenerator<{ label: string; line: Line }> {
  for (const result of results.filter((one) => one.stage === stage)) {
    signal.throwIfAborted();
    if (!(await store.has(result))) continue;
    for await (const line of store.readJsonl(result, (value) => schema.parse(value)))
      yield { label: result.label, line };
  }
}

/** A judge's name: "self chunk 3". */
const judgeOf = (rest: string): string => rest.replace(/ chunk \d+$/, '');

/**
 * All tables of a run, also of one that is at work: what it has so far. What depends on the report is empty before it is done.
 *
 * @throws Error where an artifact is damaged.
 */
export async function resultTables(record: RunRecord, signal: AbortSignal): Promise<Map<ResultTable, Table>> {
  const store = storeOf(record);
  const { results } = record.manifest;
  const rows = new Map<ResultTable, Row[]>(RESULT_TABLES.map((name) => [name, []]));
  const add = (table: ResultTable, row: Row): void => void rows.get(table)?.push(row);
  const questions = await questionsOf(record);
  const saturated = await saturatedIds(record);
  for (const { id, split, question, answer, difficulty } of questions) {
    const isSaturated = split === 'train' && saturated.has(id);
    add('questions', { question_id: id, split, question, answer, difficulty, saturated: isSaturated });
  }
  for await (const { label, line } of rowsOf(store, results, 'sample', sampled, signal))
    add('samples', {
      question_id: line.problemId,
      ...placeOf(label, false).place,
      sample_index: line.index,
      response: line.text,
      num_tokens: line.tokens,
      mean_logprob: line.meanLogprob,
      mean_entropy: line.meanEntropy,
    });
  for await (const { label, line } of rowsOf(store, results, 'score', scored, signal)) {
    const { place, rest } = placeOf(label, false);
    for (const { index, score, standardError = null } of line.scores)
      add('scores', {
        question_id: line.problemId,
        ...place,
        signal: rest,
        sample_index: index,
        score,
        standard_error: standardError,
      });
  }
  for await (const { label, line } of rowsOf(store, results, 'compare', judged, signal)) {
    const { place, rest } = placeOf(label, false);
    for (const { i, j, forward = null, backward = null } of line.verdicts)
      add('verdicts', {
        question_id: line.problemId,
        ...place,
        judge: judgeOf(rest),
        sample_a: i,
        sample_b: j,
        preference_ab: forward,
        preference_ba: backward,
      });
  }
  const difficulties = new Map(questions.map(({ id, difficulty }) => [id, difficulty]));
  await addEvaluations(rowsOf(store, results, 'evaluate', evaluated, signal), difficulties, add);
  if (record.report !== undefined) addReport(record.report, add);
  return new Map(
    RESULT_TABLES.map((name) => [name, { columns: columnKinds(name), rows: rows.get(name) ?? [] }]),
  );
}

async function addEvaluations(
  lines: AsyncIterable<{ label: string; line: z.infer<typeof evaluated> }>,
  difficulties: ReadonlyMap<string, string>,
  add: (table: ResultTable, row: Row) => void,
): Promise<void> {
  const totals = new Map<
    string,
    { key: Row & { question_id: string }; samples: number; correct: number; tokens: number }
  >();
  for await (const { label, line } of lines) {
    const { place, rest } = placeOf(label, true);
    const split = /(\w+)$/.exec(rest)?.[1] ?? '';
    const chosen = /lr (\S+) step (\d+)/.exec(rest);
    const key = {
      question_id: line.problemId,
      ...place,
      split,
      step: chosen === null ? null : Number(chosen[2]),
      learning_rate: chosen === null ? null : Number(chosen[1]),
    };
    add('completions', {
      ...key,
      sample_index: line.sampleIndex,
      response: line.text,
      num_tokens: line.tokens,
      correct: line.correct,
      answered: line.answered,
      truncated: line.finishReason === FinishReason.FINISH_REASON_LENGTH,
    });
    const name = `${label}\n${line.problemId}`;
    const total = totals.get(name) ?? { key, samples: 0, correct: 0, tokens: 0 };
    totals.set(name, total);
    total.samples += 1;
    total.correct += line.correct ? 1 : 0;
    total.tokens += line.tokens;
  }
  for (const { key, samples, correct, tokens } of totals.values())
    add('evaluations', {
      ...key,
      difficulty: difficulties.get(key.question_id) ?? null,
      num_samples: samples,
      num_correct: correct,
      accuracy: correct / samples,
      mean_tokens: tokens / samples,
    });
}

function addReport(report: Report, add: (table: ResultTable, row: Row) => void): void {
  for (const { name, signal, objective, perSeed, eval: splits, against } of report.arms)
    for (const split of ['easy', 'hard'] as const) {
      const { avg, ci95, pass, maj, meanTokens } = splits[split];
      const difference = against['base']?.[split];
      add('arms', {
        arm: name,
        signal,
        objective,
        split,
        seeds: perSeed.length,
        k: report.samples,
        avg_at_k: avg,
        avg_at_k_low: ci95[0],
        avg_at_k_high: ci95[1],
        pass_at_k: pass,
        maj_at_k: maj,
        mean_tokens: meanTokens?.value ?? null,
        diff_base: difference?.value ?? null,
        diff_base_low: difference?.ci95[0] ?? null,
        diff_base_high: difference?.ci95[1] ?? null,
        p_value: difference?.pValue ?? null,
        p_holm: difference?.pHolm ?? null,
      });
    }
  for (const signal of report.signals)
    add('signals', {
      signal: signal.name,
      method: signal.method,
      judge: signal.judge,
      recommendation: signal.recommendation,
      kappa: signal.kappa,
      kappa_low: signal.kappaCi95?.[0] ?? null,
      kappa_high: signal.kappaCi95?.[1] ?? null,
      tau: signal.tau,
      tau_low: signal.tauCi95?.[0] ?? null,
      tau_high: signal.tauCi95?.[1] ?? null,
      flip_rate: signal.flipRate?.value ?? null,
      order_consistency: signal.orderConsistency,
      position_bias: signal.positionBias,
      length_correlation: signal.lengthCorrelation,
      groups: signal.groups,
      audited_pairs: signal.auditedPairs,
    });
}
