// infra/k8s and the code: variables that it reads, values that it accepts, images that are built, experiments that load.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadExperiment } from '../../libs/experiment/src/prepare.ts';
import { readConfiguration as readGenerator } from '../../services/generator/src/configuration.ts';
import { readConfiguration as readJudge } from '../../services/judge/src/configuration.ts';
import { kustomize, manifests, renderOwn, repository } from './kustomize.fixture.ts';
import { find, isService, never, OVERLAYS, own, SERVICES } from './rendered.fixture.ts';
import { variablesOf } from './variables.fixture.ts';
import { containersOf, environmentOf, quantity, workloadsOf } from './workloads.fixture.ts';

describe.skipIf(kustomize === undefined)('infra/k8s, its settings (skipped without kustomize)', () => {
  it('lets an external judge finish the calls that cost money', () => {
    const judge = [...own()].filter(({ environment }) => environment['OVERTONE_JUDGE'] === 'openai');
    expect(judge.length).toBeGreaterThan(0);
    for (const { environment } of judge) {
      const read = readJudge({ ...environment, OVERTONE_JUDGE_API_KEY_FILE: '' });
      expect(read.backend).toBe('openai');
      if (read.backend === 'openai')
        expect(Number(environment['OVERTONE_DRAIN_MS'])).toBeGreaterThanOrEqual(read.timeoutMs);
    }
  });

  it('sets no variable that the code does not read', () => {
    const shared = variablesOf('libs');
    const readers = new Map(
      SERVICES.map((name) => [name, new Set([...shared, ...variablesOf(`services/${name}/src`)])]),
    );
    const sdk = /^(?:OTEL_|AWS_)/;
    for (const { where, workload, environment } of own()) {
      const known = readers.get(workload.component) ?? shared;
      const unread = Object.keys(environment).filter((name) => !known.has(name) && !sdk.test(name));
      const used = new Set(
        containersOf(workload)
          .flatMap(({ args, env }) => [...args, ...env.map(({ value }) => value ?? '')])
          .flatMap((text) => [...text.matchAll(/\$\((\w+)\)/g)].map(([, name]) => name)),
      );
      expect([where, unread.filter((name) => !used.has(name))]).toEqual([where, []]);
    }
  });

  it('sets variables to what the services accept', () => {
    for (const { where, workload, environment } of own()) {
      if (workload.component === 'generator') {
        const { engine, openai } = readGenerator(environment);
        expect(engine ?? openai, where).toBeDefined();
        // Keys and values, weights and the process itself have to fit.
        const { limits } = workload.pod.containers[0]?.resources ?? {};
        expect(engine?.cacheBytes ?? Infinity, where).toBeLessThanOrEqual(quantity(limits?.['memory']) / 2);
        expect(engine?.workers, where).toBe(Math.ceil(quantity(limits?.['cpu'])));
      }
      if (workload.component === 'judge')
        expect(readJudge({ ...environment, OVERTONE_JUDGE_API_KEY_FILE: '' }).name, where).toBeDefined();
    }
  });

  it('names images as infra/docker builds them, at the version of this repository', () => {
    const { version } = z
      .looseObject({ version: z.string() })
      .parse(JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')));
    for (const { where, workload, container } of own()) {
      const image = isService(workload) ? workload.component : 'experiment';
      expect([where, container.image.replace(/-cuda$/, '')]).toEqual([where, `overtone-${image}:${version}`]);
      expect(container.command, where).toBeUndefined();
    }
    const dockerfile = readFileSync(join(repository, 'infra/docker/Dockerfile'), 'utf8');
    for (const name of [...SERVICES, 'experiment']) expect(dockerfile).toContain(`AS start-${name}`);
    expect(dockerfile).toContain('USER 10001:10001');
    expect(
      find('base').objects.some(
        ({ metadata, kind }) =>
          kind === 'Namespace' && metadata.labels['pod-security.kubernetes.io/enforce'] === 'restricted',
      ),
    ).toBe(true);
  });

  it('starts experiments that the loader accepts, on services that are there', () => {
    for (const name of ['base', ...OVERLAYS.map((overlay) => `overlays/${overlay}`)]) {
      const { objects, workloads } = find(name);
      const experiment =
        workloads.find(({ kind, name: own }) => kind === 'CronJob' && own === 'experiment') ?? never();
      const container = experiment.pod.containers[0] ?? never();
      const [command, file, out, folder] = container.args;
      expect([command, file, out]).toEqual(['run', '/etc/overtone/recipe/experiment.yaml', '--out']);
      expect(folder).toBe('/var/lib/overtone/runs/$(RUN)');
      const mounted = experiment.pod.volumes.find(({ configMap }) => configMap?.name.startsWith('recipe-'));
      expect(
        objects.some(
          ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === mounted?.configMap?.name,
        ),
      ).toBe(true);
      const environment = environmentOf(container, objects);
      const loaded = loadExperiment(join(manifests, name, 'recipe.yaml'), {}, environment);
      const { services, judges, model, engine } = loaded;
      expect(services.artifacts).toBe(environment['OVERTONE_ARTIFACTS']);
      const names = new Set(
        workloads.flatMap(({ name, kind }) => (kind === 'StatefulSet' ? [`${name}-0.${name}`] : [name])),
      );
      const judging = Object.values(judges).map((judge) =>
        judge.backend === 'address' ? judge.address : `a ${judge.backend} judge in the experiment's pod`,
      );
      const callees = [services.generator, services.scorer, services.trainer, services.evaluator, ...judging];
      for (const address of callees) {
        const [, host] = /^dns:\/\/\/(.+):50051$/.exec(String(address)) ?? [];
        expect([name, address, names.has(String(host))]).toEqual([name, address, true]);
      }
      // The model, and what it is computed on, are the generator's and the trainer's too.
      const settings = (service: string): Record<string, string> =>
        environmentOf(workloads.find((each) => each.name === service)?.pod.containers[0] ?? never(), objects);
      expect(settings('generator')['OVERTONE_MODEL']).toBe(model);
      expect(settings('trainer')['OVERTONE_MODELS'] ?? '/opt/overtone/libs/miniature/model').toBe(model);
      expect(settings('trainer')['OVERTONE_DEVICE'] ?? 'cpu').toBe(engine?.device ?? 'cpu');
    }
  });

  it('scales on a metric that the code measures, and leaves the number of pods to the autoscaler', () => {
    const { objects, workloads } = find('components/autoscaling');
    const adapter = z
      .object({
        rules: z.object({
          custom: z.array(z.looseObject({ name: z.object({ matches: z.string(), as: z.string() }) })),
        }),
      })
      .parse(parse(readFileSync(join(manifests, 'components/autoscaling/prometheus-adapter.yaml'), 'utf8')));
    expect(adapter.rules.custom.map(({ name }) => name.as)).toEqual(['overtone_queue_depth']);
    expect(readFileSync(join(repository, 'libs/telemetry/src/metric-definitions.ts'), 'utf8')).toContain(
      "'overtone.queue.depth'",
    );
    const scaler = z.looseObject({
      spec: z.looseObject({
        scaleTargetRef: z.object({
          apiVersion: z.literal('apps/v1'),
          kind: z.literal('Deployment'),
          name: z.string(),
        }),
        metrics: z.array(
          z.looseObject({
            type: z.string(),
            pods: z.looseObject({ metric: z.object({ name: z.string() }) }).optional(),
          }),
        ),
        behavior: z.looseObject({
          scaleDown: z.looseObject({ stabilizationWindowSeconds: z.number().min(300) }),
        }),
      }),
    });
    for (const object of objects.filter(({ kind }) => kind === 'HorizontalPodAutoscaler')) {
      const { scaleTargetRef, metrics } = scaler.parse(object).spec;
      const target = workloads.find(({ name }) => name === scaleTargetRef.name) ?? never();
      expect(target.object['spec']).not.toHaveProperty('replicas');
      for (const { pods } of metrics) if (pods) expect(pods.metric.name).toBe('overtone_queue_depth');
    }
  });

  it("takes what is an operator's own to say: images, model, store, judge, recipe", () => {
    const merge = (name: string, ...literals: string[]) => ({ name, behavior: 'merge', literals });
    const objects = renderOwn({
      resources: ['overlays/gpu'],
      images: [
        { name: 'overtone-generator', newName: 'registry.example/overtone-generator', newTag: '0.1.0-cuda' },
      ],
      configMapGenerator: [
        merge('model', 'OVERTONE_MODEL=Qwen/Qwen3-4B-Base'),
        merge('settings', 'OVERTONE_ARTIFACTS=s3://mine/overtone', 'AWS_ENDPOINT_URL_S3=https://s3.example'),
        merge(
          'external-judge',
          'OVERTONE_JUDGE_BASE_URL=https://api.example/v1',
          'OVERTONE_JUDGE_MODEL=strong',
        ),
        { name: 'recipe', behavior: 'replace', literals: ['experiment.yaml=mine'] },
      ],
    });
    const workloads = workloadsOf(objects);
    const [generator, trainer, judge] = ['generator', 'trainer', 'external-judge'].map((name) => {
      const container = workloads.find((each) => each.name === name)?.pod.containers[0] ?? never();
      return { image: container.image, ...environmentOf(container, objects) };
    });
    const store = { OVERTONE_ARTIFACTS: 's3://mine/overtone', AWS_ENDPOINT_URL_S3: 'https://s3.example' };
    expect(generator).toMatchObject({
      image: 'registry.example/overtone-generator:0.1.0-cuda',
      OVERTONE_MODEL: 'Qwen/Qwen3-4B-Base',
      ...store,
    });
    expect(trainer).toMatchObject({ OVERTONE_MODELS: 'Qwen/Qwen3-4B-Base', ...store });
    expect(judge).toMatchObject({
      OVERTONE_JUDGE_BASE_URL: 'https://api.example/v1',
      OVERTONE_JUDGE_MODEL: 'strong',
    });
    const recipes = objects.filter(
      ({ kind, metadata }) => kind === 'ConfigMap' && /^recipe-/.test(metadata.name),
    );
    expect(recipes).toMatchObject([{ data: { 'experiment.yaml': 'mine' } }]);
  });
});
