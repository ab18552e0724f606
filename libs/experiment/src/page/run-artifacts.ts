// The artifacts of a run folder, by stage and label, whatever state the run is in.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ArtifactStore, openStore } from '@overtone/artifacts';
import { parse } from 'yaml';
import { z } from 'zod';
import { InputError } from '../input-error.ts';
import { readRows } from '../run-context.ts';
import { type Manifest, readManifest } from '../run-folder.ts';

/** What the page needs to know of a configuration, also of one that an earlier version wrote. */
const configuration = z.object({
  task: z.looseObject({ kind: z.string() }),
  audit: z.object({ judge: z.string(), groups: z.number().optional() }).optional(),
  signals: z.record(
    z.string(),
    z.object({
      method: z.string(),
      judge: z.string().optional(),
      judges: z.array(z.string()).optional(),
      reversed: z.boolean().optional(),
    }),
  ),
  seeds: z.array(z.number()),
});

/** One of a run's results. */
type Result = Manifest['results'][number];

/** A run folder, opened to be read. */
export class RunArtifacts {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly store: ArtifactStore;
  /** config.yaml as it is. */
  readonly yaml: string;
  readonly configuration: z.infer<typeof configuration>;
  readonly #byPlace: ReadonlyMap<string, Result>;

  /** @throws InputError when the folder holds no run. */
  constructor(folder: string) {
    const manifest = readManifest(folder);
    const file = join(folder, 'config.yaml');
    if (manifest === undefined || !existsSync(file))
      throw new InputError(`${folder} holds no run: expected manifest.json and config.yaml`);
    this.folder = folder;
    this.manifest = manifest;
    const own = resolve(folder, 'artifacts');
    // A folder that was moved has taken its artifacts with it.
    this.store = openStore(existsSync(own) ? `file://${own}` : manifest.artifacts);
    this.yaml = readFileSync(file, 'utf8');
    this.configuration = configuration.parse(parse(this.yaml));
    // Of results with the same label the first one is that of the first round.
    this.#byPlace = new Map(
      manifest.results.toReversed().map((result) => [`${result.stage}\n${result.label}`, result]),
    );
  }

  /** The results of a stage in their order; of those with the same label the first. */
  resultsOf(stage: string): Result[] {
    return [...this.#byPlace.values()].filter((result) => result.stage === stage).reverse();
  }

  /** The rows of a result; undefined where there is none, or its artifact is gone. */
  async rows<Row>(stage: string, label: string, parse: (value: unknown) => Row): Promise<Row[] | undefined> {
    const result = this.#byPlace.get(`${stage}\n${label}`);
    if (result === undefined || !(await this.store.has(result))) return undefined;
    return readRows(this.store, result, parse);
  }
}
