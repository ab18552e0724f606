// What every stage of a run works with.
import type { ArtifactRef, ArtifactStore } from '@overtone/artifacts';
import { hashKey, type Json } from '@overtone/artifacts';
import type { Progress } from './progress.ts';
import type { Services } from './services.ts';

/** What every stage works with. */
export interface RunContext {
  readonly services: Services;
  readonly store: ArtifactStore;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Names the run, over all of its sittings: who has paid for a verdict. Default "run". */
  readonly runId?: string;
  /** Folder of what the run keeps for itself. Needed where the artifacts lie in no folder: verdicts are written there then. */
  readonly state?: string;
  /** Notes a result in the run's manifest. */
  readonly record: (stage: string, label: string, key: string, ref: ArtifactRef) => void;
}

/** A result to make, or to find where it has been made before. */
export interface Cached {
  /** The stage that makes it. */
  readonly stage: string;
  /** A name for people, for example "chunk 3" or "dpo/self-judge seed 2". */
  readonly label: string;
  /** Everything that determines the result. */
  readonly key: Json;
  /** Makes it; called when no run has made it before. */
  readonly make: (key: string) => Promise<ArtifactRef>;
  /** Whether what was made may be found again. Default: it may. */
  readonly isWhole?: () => boolean;
}

/** A result and whether it was there already. */
export interface Found {
  readonly ref: ArtifactRef;
  readonly reused: boolean;
}

/**
 * Finds the result whose key is the hash of (stage, everything that determines it), or makes and binds it. A run that
 * is killed before the binding makes it again.
 */
export async function findOrMake(
  context: Pick<RunContext, 'signal' | 'store' | 'record'>,
  { stage, label, key, make, isWhole = () => true }: Cached,
): Promise<Found> {
  context.signal.throwIfAborted();
  const hash = resultKey(stage, key);
  const known = await context.store.resolve(hash);
  const ref = known ?? (await make(hash));
  if (known === undefined && isWhole()) await context.store.bind(hash, ref);
  context.record(stage, label, hash, ref);
  return { ref, reused: known !== undefined };
}

/** The key under which a stage's result is bound. */
export function resultKey(stage: string, key: Json): string {
  return hashKey({ stage, version: 1, key });
}

/** Splits a list into chunks of at most `size`. */
export function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/** All rows of an artifact. */
export async function readRows<Row>(
  store: ArtifactStore,
  ref: ArtifactRef,
  parse: (value: unknown) => Row,
): Promise<Row[]> {
  return collect(store.readJsonl(ref, parse));
}

/** Everything that an asynchronous source yields. */
export async function collect<Item>(source: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of source) items.push(item);
  return items;
}
