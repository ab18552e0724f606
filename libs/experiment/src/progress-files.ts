// What a run tells of itself while it is at work, in files of its folder: progress.json is where it stands, written anew every
// second; events.jsonl is what happened, appended to: steps of trainings, measured arms, messages.
import { z } from 'zod';

/** Where a run stands, in its folder. */
export const PROGRESS_FILE = 'progress.json';
/** What happened in a run, in its folder. */
export const EVENTS_FILE = 'events.jsonl';

const stageProgress = z.object({
  stage: z.string(),
  unit: z.string(),
  done: z.number(),
  total: z.number(),
  reused: z.number(),
  active: z.boolean(),
  seconds: z.number(),
  rate: z.number().optional(),
  remaining: z.number().optional(),
  detail: z.string(),
  note: z.string(),
});

const progressFile = z.object({
  /** When it was written. */
  at: z.iso.datetime(),
  /** When this sitting began. */
  since: z.iso.datetime(),
  stages: z.array(stageProgress),
});

/** Where a run stands. */
export type ProgressFile = z.infer<typeof progressFile>;

const at = z.iso.datetime();
const runEvent = z.discriminatedUnion('kind', [
  /** A process has begun or continued the run. */
  z.object({ kind: z.literal('sitting'), at, configuration: z.string() }),
  z.object({ kind: z.literal('message'), at, text: z.string(), alarm: z.literal(true).optional() }),
  z.object({
    kind: z.literal('step'),
    at,
    job: z.string(),
    step: z.number(),
    steps: z.number(),
    values: z.record(z.string(), z.number().nullable()),
  }),
  z.object({
    kind: z.literal('measured'),
    at,
    arm: z.string(),
    seed: z.number().nullable(),
    round: z.number(),
    split: z.enum(['development', 'easy', 'hard']),
    step: z.number().nullable(),
    learningRate: z.number().nullable(),
    accuracy: z.number(),
    questions: z.number(),
  }),
]);

/** Something that happened in a run; `at` is when. */
export type RunEvent = z.infer<typeof runEvent>;

/** Reads progress.json; undefined where it is none. */
export function parseProgressFile(text: string): ProgressFile | undefined {
  const parsed = progressFile.safeParse(jsonOf(text));
  return parsed.success ? parsed.data : undefined;
}

/** Reads whole lines of events.jsonl, without what a process that was killed has torn, and what another version wrote. */
export function parseEvents(lines: string): RunEvent[] {
  return lines.split('\n').flatMap((line) => {
    const parsed = runEvent.safeParse(jsonOf(line));
    return parsed.success ? [parsed.data] : [];
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
