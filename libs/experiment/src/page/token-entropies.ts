// What the page needs that a run does not leave by itself: the token entropies of the solutions that it shows, and the measured
// questions. Made while the services are still there; a generator that cannot score texts leaves the page without.
import { askingTurns, type Problem, type Prompt } from '@overtone/tasks';
import { RpcError } from '@overtone/rpc';
import { findOrMake, type RunContext } from '../run-context.ts';
import { outlastRestarts } from '../services.ts';
import { ENTROPIES, judgedQuestions, mostTelling } from './judged-questions.ts';
import { MEASURED } from './measured-answers.ts';
import { RunArtifacts } from './run-artifacts.ts';

/** Texts that are scored in one call. */
const AT_ONCE = 64;
const SCORING_DEADLINE_MS = 600_000;

/** What is asked about. */
export interface Material {
  readonly folder: string;
  readonly prompt: Prompt;
  readonly hard: readonly Problem[];
}

/** Records the measured questions, and the token entropies of the solutions that the page will show. */
export async function recordMaterial(context: RunContext, { folder, prompt, hard }: Material): Promise<void> {
  await findOrMake(context, {
    stage: 'questions',
    label: MEASURED,
    key: hard.map((problem) => ({ ...problem })),
    make: () => context.store.writeJsonl(hard),
  });
  const chosen = mostTelling(await judgedQuestions(new RunArtifacts(folder)));
  if (chosen.length === 0) return;
  try {
    await recordEntropies(context, prompt, chosen);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof RpcError)) throw error;
    context.progress.say(`the report is without token entropies: ${error.message}`);
  }
}

type Chosen = ReturnType<typeof mostTelling<Awaited<ReturnType<typeof judgedQuestions>>[number]>>;

async function recordEntropies(context: RunContext, prompt: Prompt, chosen: Chosen): Promise<void> {
  const { generator } = context.services;
  const { signal, store } = context;
  const { sha256 } = await generator.describeModel({}, { signal });
  const texts = chosen.flatMap((problem) => {
    const messages = askingTurns(prompt, problem).map((turn) => ({ ...turn }));
    return problem.solutions.map(({ text }, index) => ({ problemId: problem.id, index, messages, text }));
  });
  await findOrMake(context, {
    stage: 'entropies',
    label: ENTROPIES,
    key: { model: sha256, texts },
    make: () =>
      outlastRestarts(
        [generator],
        async () => {
          const rows: { problemId: string; index: number; ends: number[]; entropies: number[] }[] = [];
          for (let from = 0; from < texts.length; from += AT_ONCE) {
            const part = texts.slice(from, from + AT_ONCE);
            const requests = part.map(({ messages, text }, index) => ({
              id: String(index),
              adapter: undefined,
              messages,
              target: { $case: 'completion' as const, value: { text, tokenEnds: true } },
            }));
            const answers = new Map<string, { ends: number[]; entropies: number[] }>();
            const options = { signal, timeoutMs: SCORING_DEADLINE_MS };
            for await (const { id, tokenEnds, tokenEntropies } of generator.score(requests, options))
              answers.set(id, { ends: tokenEnds, entropies: tokenEntropies });
            for (const [index, { problemId, index: solution }] of part.entries()) {
              const { ends = [], entropies = [] } = answers.get(String(index)) ?? {};
              if (ends.length === entropies.length && ends.length > 0)
                rows.push({ problemId, index: solution, ends, entropies });
            }
          }
          return store.writeJsonl(rows);
        },
        context,
      ),
  });
}
