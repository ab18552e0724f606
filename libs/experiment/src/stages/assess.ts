// Assess: how far a signal can be trusted, before anything is trained on it.
import type { AssessFidelityRequest } from '@overtone/contracts';
import type { ReportedSignal } from '@overtone/report';
import { fidelitySchema } from '../cards/fidelity-schema.ts';
import { signalCard } from '../cards/signal-card.ts';
import type { Signal } from '../config/schema.ts';
import { judgesOf } from '../config/signals.ts';
import { findOrMake, readRows, type RunContext } from '../run-context.ts';
import { outlastRestarts } from '../services.ts';
import type { Verdicts } from './compare.ts';
import type { Saturation } from './saturate.ts';
import { type Scores, signalKey, signalSpec, verdictsOf } from './score.ts';

const ASSESS_DEADLINE_MS = 600_000;

/** What is assessed. */
export interface AssessOptions {
  readonly name: string;
  readonly signal: Signal;
  readonly saturation: Saturation;
  readonly scores: Scores;
  /** The verdicts of the signal's own judge; undefined without one. */
  readonly verdicts: Verdicts | undefined;
  /** The stronger judge's name; undefined without an audit. */
  readonly auditor?: string | undefined;
  /** Its verdicts; undefined without an audit. */
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
        // Assessments from before there were recommendations lack what a card needs.
        figures: 3,
        groups: saturation.sha256,
        scores: scores.sha256,
        verdicts: verdicts?.sha256 ?? [],
        signal: signalKey(spec),
        audit: audit?.sha256 ?? [],
        auditedGroups,
      },
      make: () =>
        outlastRestarts(
          [context.services.scorer],
          async () => {
            const requests = function* (): Generator<AssessFidelityRequest> {
              for (const [index, { problem, solutions }] of saturation.groups.entries())
                yield {
                  problemId: problem.id,
                  solutions: [...solutions],
                  scores: [...(scores.byProblem.get(problem.id) ?? [])],
                  verdicts: verdictsOf(verdicts, problem.id),
                  audit: index < auditedGroups ? verdictsOf(audit, problem.id) : [],
                  signal: spec,
                };
            };
            const deadline = { signal: context.signal, timeoutMs: ASSESS_DEADLINE_MS };
            const response = await context.services.scorer.assessFidelity(requests(), deadline);
            return context.store.writeJsonl([response]);
          },
          context,
        ),
    });
    const [found] = await readRows(context.store, ref, (value) => fidelitySchema.parse(value));
    if (found === undefined) throw new Error(`the assessment of signal "${name}" is empty`);
    stage.advance(1, reused);
    return signalCard(
      {
        name,
        method: signal.method,
        judge: judgesOf(signal).join(', ') || null,
        auditor: options.auditor,
        panel: [...scores.panel],
      },
      found,
    );
  }, name);
}
