// A generator with replicas, used as if it were one: its samples and its scores come from all of them.
import { type GenerateRequest, type GenerateResponse, GeneratorServiceClient } from '@overtone/contracts';
import type { CallOptions, Remote } from './remote.ts';
import { connectReplicas, type Replicated, type ReplicatedOptions } from './replicas.ts';
import { spread } from './spread.ts';

type Generator = typeof GeneratorServiceClient.service;

/** Prompts of a request are dealt out in about so many pieces to each replica. */
const PIECES_EACH = 4;
/** Pieces that a replica has at a time, so that it is not idle between two. */
const AT_ONCE = 2;

/**
 * Connects lazily to the generator at `address`. Where that stands for several servers, `generate` and `score` deal their work out
 * among them: what a sample or a score is depends on the request alone, never on who answers it.
 */
export function connectGenerator(address: string, options: ReplicatedOptions = {}): Replicated<Generator> {
  const whole = connectReplicas(GeneratorServiceClient, address, options);
  const slots = new WeakMap<Remote<Generator>, readonly Slot[]>();
  const slotsOf = (replica: Remote<Generator>): readonly Slot[] => {
    const known = slots.get(replica) ?? Array.from({ length: AT_ONCE }, () => ({ replica }));
    slots.set(replica, known);
    return known;
  };
  return {
    ...whole,
    async *generate(request, call = {}) {
      const { length } = await whole.replicas();
      // Calls about one prompt take turns by themselves.
      if (length <= 1 || request.prompts.length <= 1) yield* whole.generate(request, call);
      else
        yield* generateOnAll(request, call, {
          pieces: length * PIECES_EACH,
          slots: async () => (await whole.replicas()).flatMap(slotsOf),
        });
    },
    async *score(requests, call = {}) {
      const { length } = await whole.replicas();
      if (length <= 1) yield* whole.score(requests, call);
      else
        yield* spread({
          replicas: whole.replicas,
          items: requests,
          open: (replica, items, signal) => replica.score(items, { ...call, signal, retries: 0 }),
          idOf: ({ id }) => id,
          answers: ({ id }) => id,
          signal: call.signal ?? new AbortController().signal,
        });
    },
  };
}

/** One of the pieces that a replica has at a time. */
interface Slot {
  readonly replica: Remote<Generator>;
}

interface Piece {
  readonly id: string;
  readonly prompts: GenerateRequest['prompts'];
}

type PieceAnswer = { readonly sample: GenerateResponse } | { readonly finished: string };

async function* generateOnAll(
  request: GenerateRequest,
  call: CallOptions,
  { pieces, slots }: { readonly pieces: number; readonly slots: () => Promise<readonly Slot[]> },
): AsyncGenerator<GenerateResponse> {
  const delivered = new Map<string, Set<number>>(request.prompts.map(({ id }) => [id, new Set()]));
  const samples = request.sampling?.samples ?? 0;
  const isOpen = ({ id }: { readonly id: string }): boolean => (delivered.get(id)?.size ?? 0) < samples;
  const answers = spread<Slot, Piece, PieceAnswer>({
    replicas: slots,
    items: inPieces(request.prompts, pieces),
    open: async function* ({ replica }, items, signal) {
      for await (const { id, prompts } of items) {
        // What another replica has sampled before it broke is not sampled again.
        const open = prompts.filter(isOpen);
        if (open.length > 0)
          for await (const sample of replica.generate(
            { ...request, prompts: open },
            { ...call, signal, retries: 0 },
          ))
            yield { sample };
        yield { finished: id };
      }
    },
    idOf: ({ id }) => id,
    answers: (answer) => ('finished' in answer ? answer.finished : undefined),
    signal: call.signal ?? new AbortController().signal,
  });
  for await (const answer of answers) {
    if ('finished' in answer) continue;
    const { promptId, sampleIndex } = answer.sample;
    const own = delivered.get(promptId);
    if (own?.has(sampleIndex) === true) continue;
    own?.add(sampleIndex);
    yield answer.sample;
  }
}

/** Prompts in order, in about so many pieces. */
function inPieces(prompts: GenerateRequest['prompts'], pieces: number): Piece[] {
  const size = Math.max(1, Math.ceil(prompts.length / pieces));
  return Array.from({ length: Math.ceil(prompts.length / size) }, (_, index) => ({
    id: String(index),
    prompts: prompts.slice(index * size, (index + 1) * size),
  }));
}
