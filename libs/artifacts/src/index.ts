// Where results live: content-addressed objects, and keys that lead from everything that determines a result to the result.
export { openStore } from './open-store.ts';
export type { ArtifactRef, ArtifactStore, StoreOptions } from './artifact-store.ts';
export { StoreError, type StoreProblem } from './store-error.ts';
export { canonicalJson, hashKey, sha256Hex } from './hash-key.ts';
export type { Json } from './hash-key.ts';
export { FolderInUse, FolderLock, LockLost, type LockOptions } from './folder-lock.ts';
export { bytesOf, removeAll, type Sweep, unreferenced } from './store-sweep.ts';
export { type SharedSweep, type SharedSweepOptions, sweepStore } from './shared-sweep.ts';
