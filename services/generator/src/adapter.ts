// Adapters by reference: from the artifact store to a folder.
import { type ArtifactStore } from '@overtone/artifacts';
import { type ArtifactRef } from '@overtone/contracts';
import { checkField, failedPrecondition, notFound } from '@overtone/rpc';
import { type HostedAdapter } from './backend.ts';

/** The media type of an adapter's folder. */
export const ADAPTER_MEDIA_TYPE = 'application/vnd.overtone.adapter';

/** An adapter in a local folder; undefined for the base model. */
export type AdapterResolver = (adapter: ArtifactRef | undefined) => Promise<HostedAdapter | undefined>;

/**
 * Resolves adapters through a store. The function rejects with INVALID_ARGUMENT for a reference that is none, FAILED_PRECONDITION
 * without a store, NOT_FOUND when the store does not have the adapter, and with a StoreError when it cannot be used.
 */
export function adapterResolver(store: ArtifactStore | undefined): AdapterResolver {
  return async (adapter) => {
    if (adapter === undefined) return undefined;
    const { sha256, mediaType } = adapter;
    checkField(
      /^[0-9a-f]{64}$/.test(sha256),
      'adapter.sha256',
      `expected 64 lower-case hexadecimal digits, got "${sha256}"`,
    );
    checkField(
      mediaType === ADAPTER_MEDIA_TYPE,
      'adapter.media_type',
      `expected ${ADAPTER_MEDIA_TYPE}, got "${mediaType}"`,
    );
    if (!store) {
      throw failedPrecondition(
        'adapter: this generator has no artifact store: start it with OVERTONE_ARTIFACTS=file:///… or s3://…',
      );
    }
    if (!(await store.has(adapter))) {
      throw notFound(
        `adapter ${sha256} is not in ${store.uri}: the services of a run must share one artifact store`,
      );
    }
    return { sha256, folder: await store.openFolder(adapter) };
  };
}
