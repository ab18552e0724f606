// Makes schema.json from Kubernetes' own OpenAPI document and cert-manager's resource definitions, which fetch-api-server.sh has put beside its
// programs: the kinds that the manifests use, with everything that they refer to, and closed, so that a misspelt field is a fault.
//
//   node test/k8s/make-schema.ts
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { built } from './kustomize.fixture.ts';

const KINDS = {
  'apps/v1 Deployment': 'io.k8s.api.apps.v1.Deployment',
  'apps/v1 StatefulSet': 'io.k8s.api.apps.v1.StatefulSet',
  'autoscaling/v2 HorizontalPodAutoscaler': 'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler',
  'batch/v1 CronJob': 'io.k8s.api.batch.v1.CronJob',
  'networking.k8s.io/v1 Ingress': 'io.k8s.api.networking.v1.Ingress',
  'networking.k8s.io/v1 NetworkPolicy': 'io.k8s.api.networking.v1.NetworkPolicy',
  'policy/v1 PodDisruptionBudget': 'io.k8s.api.policy.v1.PodDisruptionBudget',
  'v1 ConfigMap': 'io.k8s.api.core.v1.ConfigMap',
  'v1 Namespace': 'io.k8s.api.core.v1.Namespace',
  'v1 PersistentVolumeClaim': 'io.k8s.api.core.v1.PersistentVolumeClaim',
  'v1 Service': 'io.k8s.api.core.v1.Service',
  'v1 ServiceAccount': 'io.k8s.api.core.v1.ServiceAccount',
};
const CUSTOM = ['Certificate', 'Issuer'];
const METADATA = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

type Json = z.infer<typeof json>;
const json = z.json();
const record = z.record(z.string(), json);
const isRecord = (value: Json): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A schema of the API as one that says no to what it does not know; `seen` hears which definitions it refers to. */
function close(schema: Json, seen: (name: string) => void): Json {
  if (!isRecord(schema)) return schema;
  const { $ref: reference, type, format, properties, items, additionalProperties, required } = schema;
  const { allOf } = schema;
  if (typeof reference === 'string') {
    const name = reference.split('/').at(-1) ?? '';
    seen(name);
    return { $ref: `#/$defs/${name}` };
  }
  const [only] = Array.isArray(allOf) ? allOf : [];
  if (only !== undefined && properties === undefined) return close(only, seen);
  if (format === 'int-or-string' || schema['x-kubernetes-int-or-string'] === true)
    return { anyOf: [{ type: 'string' }, { type: 'integer' }] };
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return {};
  if (isRecord(properties ?? null))
    return {
      type: 'object',
      properties: mapValues(record.parse(properties), (each) => close(each, seen)),
      ...(required === undefined ? {} : { required }),
      additionalProperties: false,
    };
  if (isRecord(additionalProperties ?? null))
    return { type: 'object', additionalProperties: close(additionalProperties ?? null, seen) };
  if (type === 'array') return { type, items: close(items ?? {}, seen) };
  if (type === undefined || type === 'object') return {};
  return schema['enum'] === undefined ? { type } : { type, enum: schema['enum'] };
}

function mapValues(from: Readonly<Record<string, Json>>, make: (value: Json) => Json): Record<string, Json> {
  return Object.fromEntries(Object.entries(from).map(([key, value]) => [key, make(value)]));
}

const document = z
  .object({ definitions: record })
  .parse(JSON.parse(readFileSync(join(built, 'swagger.json'), 'utf8')));
const definitions: Record<string, Json> = {};
const wanted = [METADATA, ...Object.values(KINDS)];
for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
  if (name in definitions) continue;
  const found = document.definitions[name];
  if (found === undefined) throw new Error(`swagger.json has no ${name}`);
  // A quantity is a number as well as a text, though the document says only the latter.
  definitions[name] = name.endsWith('.resource.Quantity')
    ? { anyOf: [{ type: 'string' }, { type: 'number' }] }
    : close(found, (reference) => wanted.push(reference));
}

const crd = z.object({
  spec: z.object({
    group: z.string(),
    names: z.object({ kind: z.string() }),
    versions: z.array(z.object({ name: z.string(), schema: z.object({ openAPIV3Schema: record }) })),
  }),
});
const custom: Record<string, Json> = {};
for (const file of readdirSync(join(built, 'crds'))) {
  for (const parsed of parseAllDocuments(readFileSync(join(built, 'crds', file), 'utf8'))) {
    const { group, names, versions } = crd.parse(parsed.toJS()).spec;
    if (!CUSTOM.includes(names.kind)) continue;
    for (const { name: version, schema } of versions) {
      const closed = record.parse(close(schema.openAPIV3Schema, () => undefined));
      const properties = { ...record.parse(closed['properties']), metadata: { $ref: `#/$defs/${METADATA}` } };
      custom[`${group}/${version} ${names.kind}`] = { ...closed, properties };
    }
  }
}

const kinds = {
  ...Object.fromEntries(Object.entries(KINDS).map(([kind, name]) => [kind, { $ref: `#/$defs/${name}` }])),
  ...custom,
};
const sorted = Object.fromEntries(
  Object.entries(definitions).sort(([left], [right]) => left.localeCompare(right)),
);
const [, version] =
  /^kubernetes=(.*)$/m.exec(readFileSync(new URL('fetch-api-server.sh', import.meta.url), 'utf8')) ?? [];
const result = { kubernetes: version, kinds, definitions: sorted };
writeFileSync(new URL('schema.json', import.meta.url), `${JSON.stringify(result)}\n`);
