// What went wrong on the hub, in one line that says what to do. Never holds the token.
import { ModelError } from '../model-error.ts';
import { reason } from '../tensor-file.ts';
import { type HubSettings } from './settings.ts';

/** The error for a status of the hub that is not success. */
export function statusError(model: string, status: number, settings: HubSettings): ModelError {
  if (status === 401 || status === 403) {
    const page = `${settings.endpoint}/${model.split('@')[0]}`;
    const token =
      settings.token === undefined
        ? 'set HF_TOKEN to a token that may read it'
        : 'check that the token in HF_TOKEN may read it';
    return new ModelError(
      `${model}: the hub refuses access (${status}): there is no such model, or it is private or gated; accept its conditions at ${page} and ${token}`,
    );
  }
  if (status === 404) {
    return new ModelError(
      `${model}: there is no such folder here, and no such model or revision at ${settings.endpoint}`,
    );
  }
  return new ModelError(
    `${model}: ${settings.endpoint} answers with status ${status}; try again later, what was fetched is kept`,
  );
}

/** The error for a request that got no answer, or whose answer broke off. */
export function networkError(model: string, cause: unknown, settings: HubSettings): ModelError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const code = inner instanceof Error && 'code' in inner ? String(inner.code) : reason(inner);
  return new ModelError(
    `${model}: the connection to ${settings.endpoint} failed (${code}); try again, what was fetched is kept; HF_HUB_OFFLINE=1 uses the copy in the cache`,
    { cause },
  );
}
