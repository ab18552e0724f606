// What `model:` may name besides a folder: a model on the hub, which generator and trainer open by the same name.
import { existsSync } from 'node:fs';
import type { Experiment } from './load.ts';

/** Whether a text has the form owner/name, owner/name@revision or owner/name/file.gguf, and nothing of that name is on disk. */
export function isHubReference(model: string): boolean {
  return (
    /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*(?:\/[\w.-]+\.gguf)?(?:@[\w./-]+)?$/.test(model) &&
    !existsSync(model)
  );
}

/** Whether the model has to be fetched here before the run: it is on the hub, and generator or trainer are started here. */
export function mustBeFetched({ model, services }: Experiment): boolean {
  return isHubReference(model) && (services.generator === undefined || services.trainer === undefined);
}
