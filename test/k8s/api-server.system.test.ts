// infra/k8s on a real API: kube-apiserver with etcd and the controllers, without nodes. Objects are checked as a cluster would (fields, values,
// Pod Security), controllers make pods of them, and pods are evicted and fail, whose part the tests play: nothing runs them.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { ApiServer, hasApiServer, hasControllers } from './api-server.fixture.ts';
import { built, manifests, renderOwn, renderWith } from './kustomize.fixture.ts';

const list = z.object({
  items: z.array(
    z.looseObject({
      metadata: z.looseObject({
        name: z.string(),
        uid: z.string(),
        labels: z.record(z.string(), z.string()).default({}),
      }),
      spec: z.looseObject({}).default({}),
      status: z.looseObject({}).default({}),
    }),
  ),
});
type Item = z.infer<typeof list>['items'][number];

/** Asks until `found` says what it is looking for; the last thing that it saw is in the error. */
async function eventually<Found>(what: string, found: () => Promise<Found | undefined>): Promise<Found> {
  const until = Date.now() + 60_000;
  for (;;) {
    const result = await found();
    if (result !== undefined) return result;
    if (Date.now() > until) throw new Error(`${what}: not within a minute`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

describe.skipIf(!hasApiServer)(
  'infra/k8s on an API server: skipped until test/k8s/fetch-api-server.sh has built one',
  () => {
    let api: ApiServer;
    beforeAll(async () => {
      api = await ApiServer.start();
      // cert-manager's kinds; the controller itself is not needed to check certificates.
      await api.run(['apply', '--server-side', '--filename', join(built, 'crds')]);
      await api.run(['wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all']);
      await api.run(['apply', '--filename', join(manifests, 'base', 'namespace.yaml')]);
    }, 300_000);
    afterAll(() => api.stop());

    const items = async (kind: string, ...words: string[]): Promise<Item[]> =>
      list.parse(JSON.parse(await api.run(['get', kind, '--output=json', ...words]))).items;
    const pods = (name: string): Promise<Item[]> =>
      items('pods', `--selector=app.kubernetes.io/name=${name}`);
    const setStatus = (pod: string, status: object): Promise<string> =>
      api.run([
        'patch',
        'pod',
        pod,
        '--subresource=status',
        '--type=merge',
        `--patch=${JSON.stringify({ status })}`,
      ]);
    const evict = (pod: string) =>
      api.kubectl(
        ['create', '--raw', `/api/v1/namespaces/overtone/pods/${pod}/eviction`, '--filename=-'],
        JSON.stringify({
          apiVersion: 'policy/v1',
          kind: 'Eviction',
          metadata: { name: pod, namespace: 'overtone' },
        }),
      );
    /** All lines of what was applied, without anything that the API warns of. */
    const applied = async (words: readonly string[], input?: string): Promise<string[]> => {
      const { out, error, code } = await api.kubectl(['apply', '--validate=strict', ...words], input);
      expect({ code, error }).toEqual({ code: 0, error: '' });
      return out.trim().split('\n');
    };

    it.for(['local', 'cpu', 'gpu'])(
      'accepts overlays/%s, every field of it, without a warning',
      async (overlay) => {
        const lines = await applied(['--dry-run=server', '-k', join(manifests, 'overlays', overlay)]);
        expect(lines.length).toBeGreaterThan(40);
        for (const line of lines) expect(line).toMatch(/ (created|unchanged|configured) \(server dry run\)$/);
      },
    );

    it('accepts the components that no overlay has', async () => {
      const objects = renderWith(['observability', 'jaeger', 'tokens', 'trace-ingress']);
      const lines = await applied(
        ['--dry-run=server', '--filename=-'],
        objects.map((object) => stringify(object)).join('---\n'),
      );
      expect(lines).toContain('ingress.networking.k8s.io/traces created (server dry run)');
    });

    it('is applied by one command, whose repetition changes nothing', async () => {
      await applied(['-k', join(manifests, 'overlays', 'local')]);
      const kinds =
        'deployments,statefulsets,cronjobs,poddisruptionbudgets,networkpolicies,persistentvolumeclaims,services';
      // kubectl calls some objects configured though the API finds nothing to change: their generations tell.
      const generations = async (): Promise<unknown[]> =>
        (await items(kinds)).map(({ metadata }) => [metadata.name, metadata.uid, metadata['generation']]);
      const before = await generations();
      await applied(['-k', join(manifests, 'overlays', 'local')]);
      expect(await generations()).toEqual(before);
    });

    it.skipIf(!hasControllers)(
      'makes pods that a namespace with the restricted standard admits, and none with more rights',
      async () => {
        for (const name of [
          'generator',
          'judge',
          'rubric-judge',
          'scorer',
          'trainer',
          'evaluator',
          'viewer',
          'collector',
          'jaeger',
        ])
          await eventually(`a pod of ${name}`, async () =>
            (await pods(name)).length > 0 ? true : undefined,
          );
        const refused = await api.kubectl(
          ['--namespace', 'overtone', 'create', '--filename=-'],
          JSON.stringify({
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { name: 'root' },
            spec: { containers: [{ name: 'root', image: 'root' }] },
          }),
        );
        expect(refused.error).toMatch(/violates PodSecurity "restricted:latest".*runAsNonRoot != true/);
      },
    );

    it.skipIf(!hasControllers)(
      'lets a drain take the only trainer, which comes back with its volume',
      async () => {
        const trainer = await eventually('trainer-0', async () => (await pods('trainer'))[0]);
        await setStatus('trainer-0', { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
        await eventually('a disruption of the trainer that is allowed', async () => {
          const budget = (await items('poddisruptionbudgets')).find(
            ({ metadata }) => metadata.name === 'trainer',
          );
          return budget?.status['disruptionsAllowed'] === 1 ? true : undefined;
        });
        expect(await evict('trainer-0')).toMatchObject({ code: 0 });
        const next = await eventually('another trainer-0', async () => {
          const [pod] = await pods('trainer');
          return pod === undefined || pod.metadata.uid === trainer.metadata.uid ? undefined : pod;
        });
        expect(next.metadata.name).toBe('trainer-0');
        expect(next.spec).toMatchObject({
          volumes: expect.arrayContaining([
            { name: 'state', persistentVolumeClaim: { claimName: 'state-trainer-0' } },
          ]),
        });
      },
    );

    it.skipIf(!hasControllers)('lets a drain take one generator at a time', async () => {
      await api.run(['scale', 'deployment', 'generator', '--replicas=2']);
      const both = await eventually('two generators', async () => {
        const found = await pods('generator');
        return found.length === 2 ? found.map(({ metadata }) => metadata.name) : undefined;
      });
      for (const pod of both)
        await setStatus(pod, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
      await eventually('a disruption that is allowed', async () => {
        const budget = (await items('poddisruptionbudgets')).find(
          ({ metadata }) => metadata.name === 'generator',
        );
        const { disruptionsAllowed, currentHealthy } = budget?.status ?? {};
        return disruptionsAllowed === 1 && currentHealthy === 2 ? true : undefined;
      });
      expect(await evict(both[0] ?? '')).toMatchObject({ code: 0 });
      const second = await evict(both[1] ?? '');
      expect(second.code).not.toBe(0);
      expect(second.error).toMatch(/disruption budget/);
    });

    it.skipIf(!hasControllers)(
      'starts an experiment as a Job, replaces its pod after an eviction at no cost, and gives up on bad input',
      async () => {
        await api.run(['create', 'job', 'first', '--from=cronjob/experiment']);
        const selector = '--selector=batch.kubernetes.io/job-name=first';
        const running = async (known: readonly string[]): Promise<Item> =>
          eventually('a pod of the Job', async () =>
            (await items('pods', selector)).find(
              ({ metadata, status }) => !known.includes(metadata.uid) && status['phase'] === 'Pending',
            ),
          );
        const ended = (conditions: object[], exitCode: number): object => ({
          phase: 'Failed',
          conditions,
          containerStatuses: [
            {
              name: 'experiment',
              image: 'overtone-experiment',
              imageID: '',
              ready: false,
              restartCount: 0,
              state: {
                terminated: {
                  exitCode,
                  startedAt: new Date().toISOString(),
                  finishedAt: new Date().toISOString(),
                },
              },
            },
          ],
        });
        const first = await running([]);
        // In the run folder's name, which is the Job's.
        expect(first.spec).toMatchObject({
          containers: [
            {
              args: ['run', '/etc/overtone/recipe/experiment.yaml', '--out', '/var/lib/overtone/runs/$(RUN)'],
            },
          ],
        });
        expect(first.metadata.labels['batch.kubernetes.io/job-name']).toBe('first');
        await setStatus(
          first.metadata.name,
          ended([{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }], 130),
        );
        const second = await running([first.metadata.uid]);
        const job = async (): Promise<Record<string, unknown> | undefined> =>
          (await items('jobs')).find(({ metadata }) => metadata.name === 'first')?.status;
        expect((await job())?.['failed'] ?? 0).toBe(0);

        await setStatus(second.metadata.name, ended([], 2));
        const failed = await eventually('the end of the Job', async () => {
          const conditions = z
            .array(z.looseObject({ type: z.string(), reason: z.string().optional() }))
            .parse((await job())?.['conditions'] ?? []);
          return conditions.find(({ type }) => type === 'Failed');
        });
        expect(failed.reason).toBe('PodFailurePolicy');
        expect((await items('pods', selector)).filter(({ status }) => status['phase'] === 'Pending')).toEqual(
          [],
        );
      },
    );

    it.skipIf(!hasControllers)(
      'is upgraded by applying again, also while an experiment is at work',
      async () => {
        await api.run(['create', 'job', 'second', '--from=cronjob/experiment']);
        const names = ['generator', 'judge', 'scorer', 'trainer', 'evaluator', 'experiment'];
        const objects = renderOwn({
          resources: ['overlays/local'],
          images: names.map((name) => ({ name: `overtone-${name}`, newTag: '0.2.0' })),
        });
        const lines = await applied(
          ['--filename=-'],
          objects.map((object) => stringify(object)).join('---\n'),
        );
        expect(lines).toContain('cronjob.batch/experiment configured');
        const [job] = (await items('jobs')).filter(({ metadata }) => metadata.name === 'second');
        expect(JSON.stringify(job?.spec)).toContain('overtone-experiment:0.1.0');
        // The old pods stay until the new ones are ready.
        await eventually('a pod of the new judge beside the old one', async () => {
          const images = (await pods('judge')).map(({ spec }) => JSON.stringify(spec));
          return images.some((text) => text.includes(':0.2.0')) &&
            images.some((text) => text.includes(':0.1.0'))
            ? true
            : undefined;
        });
      },
    );
  },
);
