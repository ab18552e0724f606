// Assess: how far a signal can be trusted, before anything is trained on it.
import type { AssessFidelityResponse, Estimate } from '@overtone/contracts';
import type { ReportedSignal } from '@overtone/report';
import { z } from 'zod';
import type { Signal } from '../config/schema.ts';
import { findOrMake, readRows, type RunContext } from '../run-context.ts';
import { outlastRestarts } from '../services.ts';
import type { Verdicts } from './compare.ts';
import type { Saturation } from './saturate.ts';
import { type Scores, signalSpec, verdictsOf } from './score.ts';

const estimate = z.object({ value: z.number(), lower: z.number(), upper: z.number() });
const fidelity = z.object({
  groups: z.int(),
  auditedPairs: z.int(),
  kappa: estimate.optional(),
  tau: estimate.optional(),
  orderConsistency: z.number().optional(),
  positionBias: z.number().optional(),
  unreadable: z.number().optional(),
  intransitivity: z.number().optional(),
  lengthCorrelation: z.number(),
});

const ASSESS_DEADLINE_MS = 600_000;

/** What is assessed. */
export interface AssessOptions {
  readonly name: string;
  readonly signal: Signal;
  readonly saturation: Saturation;
  readonly scores: Scores;
  /** The verdicts of the signal's own judge; undefined without one. */
  readonly verdicts: Verdicts | undefined;
  /** The stronger judge's verdicts; undefined without an audit. */
  readonly audit: Verdicts | undefined;
  /** Groups to audit: the first ones. */
  readonly auditedGroups: number;
}

/** Assesses a signal against its own consistency and, where there is one, the stronger judge. */
export async function assess(context: RunContext, options: AssessOptions): Promise<ReportedSignal> {
  const { name, signal, saturation, scores, verdicts, audit, auditedGroups } = options;
  const stage = context.progress.stage('assess');
  const spec = signalSpec(signal);
  return stage.run(async () => {
    const { ref, reused } = await findOrMake(context, {
      stage: 'assess',
      label: name,
      key: {
        groups: saturation.sha256,
        scores: scores.sha256,
        verdicts: verdicts?.sha256 ?? [],
        signal: spec,
        audit: audit?.sha256 ?? [],
        auditedGroups,
      },
      make: () =>
        outlastRestarts(
          [context.services.scorer],
          async () => {
            const requests = saturation.groups.map(({ problem, solutions }, index) => ({
              problemId: problem.id,
              solutions: [...solutions],
              scores: [...(scores.byProblem.get(problem.id) ?? [])],
              verdicts: verdictsOf(verdicts, problem.id),
              audit: index < auditedGroups ? verdictsOf(audit, problem.id) : [],
              signal: spec,
            }));
            const deadline = { signal: context.signal, timeoutMs: ASSESS_DEADLINE_MS };
            const response = await context.services.scorer.assessFidelity(requests, deadline);
            return context.store.writeJsonl([response]);
          },
          context,
        ),
    });
    const [found] = await readRows(context.store, ref, (value) => fidelity.parse(value));
    if (found === undefined) throw new Error(`the assessment of signal "${name}" is empty`);
    stage.advance(1, reused);
    return describe(name, signal, found);
  }, name);
}

function describe(name: string, signal: Signal, found: AssessFidelityResponse): ReportedSignal {
  const ends = (estimate: Estimate | undefined): [number, number] | null =>
    estimate === undefined ? null : [estimate.lower, estimate.upper];
  return {
    name,
    method: signal.method,
    judge: 'judge' in signal ? signal.judge : null,
    kappa: found.kappa?.value ?? null,
    kappaCi95: ends(found.kappa),
    tau: found.tau?.value ?? null,
    tauCi95: ends(found.tau),
    orderConsistency: found.orderConsistency ?? null,
    positionBias: found.positionBias ?? null,
    unreadable: found.unreadable ?? null,
    intransitivity: found.intransitivity ?? null,
    lengthCorrelation: found.lengthCorrelation,
    groups: found.groups,
    auditedPairs: found.auditedPairs,
  };
}
