// How to reach the hub, and where its files are kept: the environment variables that Python's huggingface_hub reads.
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Settings of the hub. */
export interface HubSettings {
  /** Address without a slash at its end. */
  readonly endpoint: string;
  /** The folder of the cache, in the layout that Python's huggingface_hub shares. */
  readonly cache: string;
  readonly token: string | undefined;
  /** Use the cache alone. */
  readonly offline: boolean;
}

/**
 * Reads the settings: `HF_ENDPOINT` (default https://huggingface.co), `HF_HUB_CACHE` (default `$HF_HOME/hub`), `HF_HOME` (default
 * `~/.cache/huggingface`), `HF_TOKEN`, `HF_HUB_OFFLINE`.
 */
export function hubSettings(environment: Readonly<Record<string, string | undefined>>): HubSettings {
  const caches = environment['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const home = environment['HF_HOME'] || join(caches, 'huggingface');
  return {
    endpoint: (environment['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, ''),
    cache: environment['HF_HUB_CACHE'] || join(home, 'hub'),
    token: environment['HF_TOKEN']?.trim() || undefined,
    offline: /^(1|true|yes|on)$/i.test(environment['HF_HUB_OFFLINE'] ?? ''),
  };
}
