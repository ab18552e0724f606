// The schema of all telemetry, as tests read it: infra/observability/semantic-conventions.yaml.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

interface Group {
  readonly id: string;
  readonly type: 'attribute_group' | 'span' | 'event' | 'metric';
  readonly brief: string;
  readonly where?: readonly string[];
  readonly name?: string;
  readonly metric_name?: string;
  readonly span_kind?: 'internal' | 'client' | 'server';
  readonly instrument?: string;
  readonly unit?: string;
  /** References to attributes, or, in an attribute group, their definitions. */
  readonly attributes: readonly (
    string | { readonly id: string; readonly type: string; readonly brief: string }
  )[];
}

const folder = new URL('../../infra/observability/', import.meta.url);

/** All groups of the schema. */
export const groups = (
  parse(readFileSync(new URL('semantic-conventions.yaml', folder), 'utf8')) as { groups: Group[] }
).groups;

/** Types of all attributes, by id. */
export const attributeTypes = new Map(
  groups
    .filter(({ type }) => type === 'attribute_group')
    .flatMap(({ attributes }) => attributes.flatMap((own) => (typeof own === 'string' ? [] : [own])))
    .map(({ id, type }): [string, string] => [id, type]),
);

/** Metrics, by name. */
export const metrics = new Map(
  groups
    .filter(({ type }) => type === 'metric')
    .map((group): [string, Group] => [group.metric_name ?? '', group]),
);

/** References of a group. */
export function attributesOf({ attributes }: Group): string[] {
  return attributes.map((own) => (typeof own === 'string' ? own : own.id));
}

/** The schema's entry of a span; names may have attributes in them. */
export function spanGroup(
  name: string,
  kind: string,
  attributes: Readonly<Record<string, unknown>>,
): Group | undefined {
  return groups.find((group) => {
    if (group.type !== 'span' || group.span_kind !== kind) return false;
    const rendered = (group.name ?? '').replaceAll(/\{([^}]+)\}/g, (_, id: string) => String(attributes[id]));
    return rendered === name;
  });
}

/** Names under which Prometheus has a metric: the collector's exporter makes them of the name, the unit and the kind. */
export function prometheusNames({ metric_name = '', instrument, unit = '' }: Group): string[] {
  const words = metric_name.replaceAll(/[^a-zA-Z0-9]/g, '_');
  const suffix = unit === 's' ? '_seconds' : unit === '1' && instrument === 'gauge' ? '_ratio' : '';
  const name = `${words}${suffix}`;
  if (instrument === 'counter') return [`${name}_total`];
  return instrument === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}
