// The prompts of a call that no worker has taken yet, handed out in pieces that shrink towards the end, so that workers finish
// together.
import { PREFILL_BATCH, TAIL_STEP } from './prefill.ts';
import { type EncodedPrompt } from './sampling-messages.ts';

/** Prompts by the length they are padded to: those of one piece share a prefill. */
export class PromptQueue {
  private readonly groups: EncodedPrompt[][];
  private readonly workers: number;
  private left: number;

  /** @param samples Of each prompt. */
  constructor(prompts: readonly EncodedPrompt[], workers: number, samples = 1) {
    this.workers = workers;
    const shares = prompts.length < workers ? shared(prompts, workers, samples) : prompts;
    this.left = shares.length;
    this.groups = [...Map.groupBy(shares, ({ tokens }) => Math.ceil(tokens.length / TAIL_STEP)).values()].map(
      (group) => group.reverse(),
    );
  }

  /** Whether all are taken. */
  get empty(): boolean {
    return this.left === 0;
  }

  /** The next piece; none when all are taken. */
  take(): EncodedPrompt[] {
    const size = Math.min(PREFILL_BATCH, Math.max(1, Math.ceil(this.left / (2 * this.workers))));
    const group = this.groups.at(-1) ?? [];
    const piece = group.splice(-size).reverse();
    if (group.length === 0) this.groups.pop();
    this.left -= piece.length;
    return piece;
  }
}

/** Too few prompts to keep all workers busy: the samples of each are split among several, which compute it again. */
function shared(prompts: readonly EncodedPrompt[], workers: number, samples: number): EncodedPrompt[] {
  const parts = Math.min(Math.ceil(workers / prompts.length), samples);
  return prompts.flatMap((prompt) =>
    Array.from({ length: parts }, (_, part) => {
      const first = Math.floor((part * samples) / parts);
      return { ...prompt, samples: { first, count: Math.floor(((part + 1) * samples) / parts) - first } };
    }),
  );
}
