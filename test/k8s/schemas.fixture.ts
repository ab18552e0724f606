// Kubernetes' own schemas of the kinds in use, closed, so that a misspelt field is a fault (make-schema.ts).
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { KubernetesObject } from './kustomize.fixture.ts';

const schemas = z.record(
  z.string(),
  z.custom<Exclude<Parameters<typeof z.fromJSONSchema>[0], boolean>>((value) => typeof value === 'object'),
);
const api = z
  .object({ kubernetes: z.string(), kinds: schemas, definitions: schemas })
  .parse(JSON.parse(readFileSync(new URL('schema.json', import.meta.url), 'utf8')));
const validators = new Map<string, z.ZodType>();

/** What is wrong with an object; nothing: "". */
export function faults(object: KubernetesObject): string {
  const kind = `${object.apiVersion} ${object.kind}`;
  const schema = api.kinds[kind];
  if (schema === undefined) return `schema.json does not have ${kind}`;
  const validator = validators.get(kind) ?? z.fromJSONSchema({ ...schema, $defs: api.definitions });
  validators.set(kind, validator);
  const parsed = validator.safeParse(object);
  return parsed.success ? '' : z.prettifyError(parsed.error);
}
