// The schema of telemetry says what the code does, and dashboards and alerts ask for nothing else.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type MetricDefinition, METRICS } from '@overtone/telemetry';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { attributesOf, attributeTypes, groups, metrics, prometheusNames } from './conventions.fixture.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const observability = `${root}infra/observability/`;

/** Sources of all rooms and services, without their tests. */
function* sources(): Generator<{ file: string; text: string }> {
  for (const place of ['libs', 'services'])
    for (const entry of readdirSync(root + place, { recursive: true, encoding: 'utf8' })) {
      if (!entry.endsWith('.ts') || /node_modules|\/gen\/|\.(test|fixture)\.ts$/.test(entry)) continue;
      const file = `${place}/${entry}`;
      yield { file, text: readFileSync(root + file, 'utf8') };
    }
}

describe('the schema', () => {
  it('says everything once, and refers to nothing that it does not say', () => {
    const ids = groups.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const group of groups) {
      expect(group.brief, group.id).not.toBe('');
      if (group.type === 'attribute_group') continue;
      expect(group.where, group.id).not.toHaveLength(0);
      for (const id of attributesOf(group)) expect(attributeTypes.has(id), `${group.id}: ${id}`).toBe(true);
    }
  });

  it('has the metrics that the code has, with their kinds and units', () => {
    const said = Object.fromEntries(
      Array.from(metrics, ([name, { instrument, unit, brief }]) => [name, { kind: instrument, unit, brief }]),
    );
    const own = Object.fromEntries(
      Object.entries<MetricDefinition>(METRICS).map(([name, { kind, unit, brief }]) => [
        name,
        { kind, unit, brief },
      ]),
    );
    expect(said).toEqual(own);
  });

  it('has every name that the code uses', () => {
    const named = /['"`]((?:overtone|gen_ai|rpc|http|server|url|error|exception|service)\.[a-z_./]+)['"`]/g;
    // A tracer, and the file of the command line's own trace.
    const others = new Set(['overtone.rpc', 'overtone.jsonl']);
    const known = new Set([
      ...others,
      ...attributeTypes.keys(),
      ...metrics.keys(),
      ...groups.flatMap(({ name }) => name ?? []),
    ]);
    const missing: string[] = [];
    for (const { file, text } of sources()) {
      const found = Array.from(text.matchAll(named), ([, name = '']) => name);
      for (const [, stage = '', attributes = ''] of text.matchAll(/staged\(\s*'(\w+)',\s*\{([^}]*)\}/g)) {
        const keys = attributes.split(',').map((part) => part.split(':')[0]?.trim() ?? '');
        const ids = keys
          .filter((key) => key !== '')
          .map((key) => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
        found.push(`overtone.${stage}`, ...ids.map((id) => `overtone.${id}`));
      }
      missing.push(...found.filter((name) => !known.has(name)).map((name) => `${file}: ${name}`));
    }
    expect(missing).toEqual([]);
  });
});

describe('dashboards and alerts', () => {
  interface Dashboard {
    readonly title: string;
    readonly panels: readonly {
      readonly title: string;
      readonly targets: readonly { readonly expr: string }[];
    }[];
  }
  const queries = new Map<string, string>();
  for (const file of readdirSync(`${observability}dashboards`)) {
    const { panels } = JSON.parse(readFileSync(`${observability}dashboards/${file}`, 'utf8')) as Dashboard;
    for (const { title, targets } of panels)
      targets.forEach(({ expr }, index) => queries.set(`${file}, ${title}, ${index}`, expr));
  }
  interface Rules {
    readonly groups: readonly {
      readonly rules: readonly { readonly alert: string; readonly expr: string }[];
    }[];
  }
  const rules = parse(readFileSync(`${observability}alerts.yaml`, 'utf8')) as Rules;
  for (const { alert, expr } of rules.groups.flatMap((group) => group.rules)) queries.set(alert, expr);

  it('ask for metrics of the schema, by labels of the schema', () => {
    const exported = new Set(Array.from(metrics.values()).flatMap(prometheusNames));
    // Of the collector, and of histograms.
    const labels = new Set(['le', 'service_instance_id']);
    for (const id of attributeTypes.keys()) labels.add(id.replaceAll('.', '_'));
    expect(queries.size).toBeGreaterThan(30);
    for (const [where, query] of queries) {
      const bare = query.replaceAll(/"[^"]*"/g, '""').replaceAll(/\[[^\]]*\]/g, '');
      const grouped = Array.from(bare.matchAll(/\bby \(([^)]*)\)/g), ([, list = '']) =>
        list.split(/,\s*/),
      ).flat();
      const matched = Array.from(bare.matchAll(/\{([^}]*)\}/g), ([, list = '']) =>
        list.split(',').map((matcher) => matcher.split(/[=!~]/)[0]?.trim() ?? ''),
      ).flat();
      for (const label of [...grouped, ...matched]) expect(labels, where).toContain(label);
      const asked = bare
        .replaceAll(/\bby \([^)]*\)|\{[^}]*\}/g, ' ')
        .match(/\b(?:overtone|rpc|gen_ai|http)_\w+/g);
      expect(asked, where).not.toBeNull();
      for (const name of asked ?? []) expect(exported, where).toContain(name);
    }
  });

  it('leave no metric unseen', () => {
    const asked = [...queries.values()].join('\n');
    const unseen = Array.from(metrics.values()).filter(
      (metric) => !prometheusNames(metric).some((name) => asked.includes(name)),
    );
    expect(unseen.map(({ metric_name: name }) => name)).toEqual([]);
  });
});

it('the configuration of the collector uses what it defines', () => {
  interface Configuration {
    readonly service: {
      readonly pipelines: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
      readonly extensions: readonly string[];
    };
    readonly [section: string]: unknown;
  }
  const configuration = parse(readFileSync(`${observability}collector.yaml`, 'utf8')) as Configuration;
  for (const [name, pipeline] of Object.entries(configuration.service.pipelines)) {
    expect(pipeline['processors']?.at(0), name).toBe('memory_limiter');
    expect(pipeline['processors']?.at(-1), name).toBe('batch');
    for (const [section, components] of Object.entries(pipeline))
      for (const component of components) expect(configuration[section], name).toHaveProperty([component]);
  }
});
