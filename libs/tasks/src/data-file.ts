// Where a data file is: on this machine, or on the hub.
import { fetchFromHub, isHubLocation, parseHubLocation } from './hub.ts';

/**
 * The local path of a data file.
 *
 * @param path a path, or "hf://datasets/owner/name[@revision]/path/to/file", which is downloaded.
 * @throws Error that names the file and says what to do.
 */
export async function localFile(path: string, options: { signal?: AbortSignal } = {}): Promise<string> {
  if (!isHubLocation(path)) return path;
  const location = parseHubLocation(path);
  if (location.path === '')
    throw new Error(`${path}: name a file in the repository, for example ${path}/train.jsonl`);
  return fetchFromHub(location, options);
}
