// Which models a caller may name. A specification comes over the wire: a path in it is a wish to read this machine's disk, a name of
// the hub one to download.
import { realpath } from 'node:fs/promises';
import { isAbsolute, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseHubReference } from '@overtone/language-model';
import { failedPrecondition, isLoopback } from '@overtone/rpc';

/** The folder of the model that is shipped. */
const SHIPPED = fileURLToPath(new URL('../../../libs/miniature/model', import.meta.url));

/** Which models may be trained from. */
export class AllowedModels {
  /** Undefined: every one. */
  readonly #entries: readonly string[] | undefined;

  private constructor(entries: readonly string[] | undefined) {
    this.#entries = entries;
  }

  /**
   * Reads `OVERTONE_MODELS`, a list with commas between: folders, each with all that lies in it; names on the hub, "owner/name" or
   * "owner/*"; or "*", every model. Default: every model where only this machine can call (`OVERTONE_LISTEN`), else the shipped one.
   *
   * @throws Error that names an entry which is neither.
   */
  static read({
    OVERTONE_MODELS,
    OVERTONE_LISTEN,
  }: Readonly<Record<string, string | undefined>>): AllowedModels {
    if (!OVERTONE_MODELS) {
      const local = OVERTONE_LISTEN === undefined || isLoopback(OVERTONE_LISTEN);
      return new AllowedModels(local ? undefined : [SHIPPED]);
    }
    const entries = OVERTONE_MODELS.split(',').map((entry) => entry.trim());
    for (const entry of entries) {
      if (entry !== '*' && !isAbsolute(entry) && !/^[\w.-]+\/(?:[\w.-]+|\*)$/.test(entry))
        throw new Error(
          `OVERTONE_MODELS: expected absolute folders, "owner/name", "owner/*" or "*" with commas between, got ${JSON.stringify(entry)}`,
        );
    }
    return new AllowedModels(entries.includes('*') ? undefined : entries);
  }

  /** @throws RpcError FAILED_PRECONDITION for a model that callers may not name; the same whether it exists or not. */
  async check(model: string): Promise<void> {
    if (this.#entries === undefined || (await this.#allows(model, this.#entries))) return;
    throw failedPrecondition(
      `spec.model: this trainer does not train from ${JSON.stringify(model.slice(0, 200))}; it must be named by OVERTONE_MODELS (folders, "owner/name", "owner/*"), or lie in a folder that is`,
    );
  }

  async #allows(model: string, entries: readonly string[]): Promise<boolean> {
    // What exists is read from the disk, whatever it looks like; links do not lead out of a folder.
    const real = await realpath(model).catch(() => undefined);
    if (real === undefined) {
      const repository = parseHubReference(model)?.repository;
      return (
        repository !== undefined &&
        (entries.includes(repository) || entries.includes(`${repository.split('/')[0]}/*`))
      );
    }
    for (const entry of entries.filter(isAbsolute)) {
      const folder = await realpath(entry).catch(() => undefined);
      if (
        folder !== undefined &&
        (real === folder || real.startsWith(folder.endsWith(sep) ? folder : folder + sep))
      )
        return true;
    }
    return false;
  }
}
