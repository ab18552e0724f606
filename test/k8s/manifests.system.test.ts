// infra/k8s as objects: what Kubernetes takes, pods without rights, and what an operator relies on when nodes come and go.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { kustomize } from './kustomize.fixture.ts';
import { find, isService, never, own, rendered, selectorOf, SERVICES } from './rendered.fixture.ts';
import { faults } from './schemas.fixture.ts';
import { containersOf, quantity } from './workloads.fixture.ts';

describe.skipIf(kustomize === undefined)('infra/k8s, its objects (skipped without kustomize)', () => {
  it('makes the five services and the experiment, with every object in the namespace', () => {
    for (const { name, objects, workloads } of rendered) {
      const names = workloads
        .filter(({ name }) => [...SERVICES, 'experiment'].includes(name))
        .map((each) => each.name);
      expect([name, names.sort()]).toEqual([name, [...SERVICES, 'experiment'].sort()]);
      for (const { kind, metadata } of objects)
        expect([
          name,
          kind,
          metadata.name,
          kind === 'Namespace' ? metadata.name : metadata.namespace,
        ]).toEqual([name, kind, metadata.name, 'overtone']);
      const keys = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      expect(new Set(keys).size).toBe(keys.length);
    }
  });

  it("is what Kubernetes' schemas take, and a misspelt or misplaced field is noticed", () => {
    for (const { name, objects } of rendered)
      for (const object of objects)
        expect([name, object.kind, object.metadata.name, faults(object)]).toEqual([
          name,
          object.kind,
          object.metadata.name,
          '',
        ]);
    const judge =
      find('base').objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'judge') ??
      never();
    const spec = z.looseObject({}).parse(judge['spec']);
    expect(faults({ ...judge, spec: { ...spec, replica: 2 } })).toMatch(/replica/);
    expect(faults({ ...judge, spec: { ...spec, replicas: 'two' } })).toMatch(/replicas/);
    const certificate = find('components/mtls').objects.find(({ kind }) => kind === 'Certificate') ?? never();
    expect(
      faults({
        ...certificate,
        spec: { ...z.looseObject({}).parse(certificate['spec']), renewbefore: '1h' },
      }),
    ).toMatch(/renewbefore/);
  });

  it('runs nothing as root, with a writable root file system, with capabilities or with an API token', () => {
    for (const { name, workloads } of rendered) {
      for (const workload of workloads) {
        const { securityContext, automountServiceAccountToken } = workload.pod;
        expect({
          name: `${name}: ${workload.name}`,
          securityContext,
          automountServiceAccountToken,
        }).toMatchObject({
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 10001,
            runAsGroup: 10001,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          automountServiceAccountToken: false,
        });
        for (const container of containersOf(workload)) {
          expect({ name: `${name}: ${container.name}`, ...container.securityContext }).toMatchObject({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            privileged: false,
            capabilities: { drop: ['ALL'] },
          });
          expect(container.securityContext.runAsUser ?? 10001).toBe(10001);
          expect(container.securityContext.capabilities.add ?? []).toEqual([]);
        }
      }
    }
  });

  it('gives every container limits, requests within them, and writable places within the limit of their disk', () => {
    for (const { name, workloads } of rendered) {
      for (const workload of workloads) {
        for (const { name: container, resources, volumeMounts } of containersOf(workload)) {
          const where = `${name}: ${workload.name}/${container}`;
          for (const kind of ['cpu', 'memory', 'ephemeral-storage']) {
            expect([where, kind, resources.limits[kind] !== undefined]).toEqual([where, kind, true]);
            const asked = resources.requests[kind] ?? 0;
            expect(quantity(asked), `${where} ${kind}`).toBeLessThanOrEqual(quantity(resources.limits[kind]));
          }
          const disk = workload.pod.volumes
            .filter(
              ({ name, emptyDir }) =>
                emptyDir?.medium === undefined &&
                emptyDir !== undefined &&
                volumeMounts.some((mount) => mount.name === name && !mount.readOnly),
            )
            .map(({ emptyDir }) => quantity(emptyDir?.sizeLimit));
          expect(
            disk.reduce((sum, size) => sum + size, 0),
            where,
          ).toBeLessThanOrEqual(quantity(resources.limits['ephemeral-storage']));
          expect(
            volumeMounts.map(({ mountPath }) => mountPath),
            where,
          ).toContain('/tmp');
        }
      }
    }
  });

  it('probes services on their health port, and drains them within their grace period', () => {
    for (const { where, workload, container, environment } of own()) {
      if (!isService(workload)) continue;
      for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe])
        expect([where, probe?.grpc?.port]).toEqual([where, 50052]);
      // A model that is being read must not be killed for it.
      const patience =
        (container.startupProbe?.periodSeconds ?? 0) * (container.startupProbe?.failureThreshold ?? 0);
      expect(patience, where).toBeGreaterThanOrEqual(120);
      expect(environment, where).toMatchObject({
        OVERTONE_LISTEN: '0.0.0.0:50051',
        OVERTONE_HEALTH_LISTEN: '0.0.0.0:50052',
      });
      expect(
        container.ports.map(({ containerPort }) => containerPort),
        where,
      ).toEqual([50051, 50052]);
      expect(workload.pod.terminationGracePeriodSeconds, where).toBeGreaterThanOrEqual(
        Number(environment['OVERTONE_DRAIN_MS']) / 1000 + 10,
      );
    }
    for (const { name, workloads } of rendered)
      for (const workload of workloads.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet'))
        for (const container of containersOf(workload))
          expect([
            name,
            container.name,
            container.livenessProbe !== undefined && container.startupProbe !== undefined,
          ]).toEqual([name, container.name, true]);
  });

  it('has a Service for each service, at the port that it listens on, and one name for each trainer', () => {
    for (const { name, objects, workloads } of rendered) {
      for (const { name: service, object, labels, kind, pod } of workloads.filter(isService)) {
        const found = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === service);
        expect({ name, service, found }).toMatchObject({
          found: { spec: { clusterIP: 'None', ports: [{ port: 50051, targetPort: 'grpc' }] } },
        });
        const { spec } = z
          .looseObject({ spec: z.looseObject({ selector: z.record(z.string(), z.string()) }) })
          .parse(found);
        expect(labels).toMatchObject(spec.selector);
        expect(pod.containers[0]?.ports).toContainEqual({ name: 'grpc', containerPort: 50051 });
        if (kind === 'StatefulSet') expect(object['spec']).toMatchObject({ serviceName: service });
      }
    }
  });

  it('updates without a gap, spreads over nodes, and never keeps a node from being drained', () => {
    for (const { name, objects, workloads } of rendered) {
      for (const workload of workloads.filter(isService)) {
        if (workload.kind === 'Deployment')
          expect([name, workload.object['spec']]).toMatchObject([
            name,
            { strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } },
          ]);
        expect(workload.pod.topologySpreadConstraints.map(({ topologyKey }) => topologyKey)).toContain(
          'kubernetes.io/hostname',
        );
        const budgets = objects.filter(
          ({ kind, metadata }) => kind === 'PodDisruptionBudget' && metadata.name === workload.name,
        );
        expect(budgets.length, `${name}: ${workload.name}`).toBe(1);
        // A number that must stay would be all there are where there is one.
        expect(budgets[0]?.['spec']).toMatchObject({
          maxUnavailable: 1,
          unhealthyPodEvictionPolicy: 'AlwaysAllow',
        });
        expect(budgets[0]?.['spec']).not.toHaveProperty('minAvailable');
        expect(workload.labels).toMatchObject(selectorOf(budgets[0]));
      }
      expect(
        objects.filter(
          ({ kind, metadata }) => kind === 'PodDisruptionBudget' && metadata.name === 'experiment',
        ),
      ).toEqual([]);
    }
  });

  it('refers to nothing that is not there, but for secrets that an operator makes', () => {
    for (const { name, objects, workloads } of rendered) {
      const has = (kind: string, wanted: string): boolean =>
        objects.some((object) => object.kind === kind && object.metadata.name === wanted);
      const certificates = objects.flatMap((object) =>
        object.kind === 'Certificate'
          ? [z.looseObject({ spec: z.looseObject({ secretName: z.string() }) }).parse(object).spec.secretName]
          : [],
      );
      const made = [...certificates, 'external-judge', 'artifact-store', 'callers', 'hub'];
      for (const workload of workloads) {
        const { volumes, serviceAccountName = '' } = workload.pod;
        const where = `${name}: ${workload.name}`;
        expect(has('ServiceAccount', serviceAccountName), `${where}: ${serviceAccountName}`).toBe(true);
        for (const { configMap, secret, persistentVolumeClaim } of volumes) {
          if (configMap) expect(has('ConfigMap', configMap.name), `${where}: ${configMap.name}`).toBe(true);
          if (persistentVolumeClaim)
            expect(
              has('PersistentVolumeClaim', persistentVolumeClaim.claimName),
              `${where}: ${persistentVolumeClaim.claimName}`,
            ).toBe(true);
          if (secret) expect([where, made]).toEqual([where, expect.arrayContaining([secret.secretName])]);
        }
        const claims = z
          .looseObject({
            spec: z.looseObject({
              volumeClaimTemplates: z
                .array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) }))
                .default([]),
            }),
          })
          .parse(workload.object).spec.volumeClaimTemplates;
        const there = new Set(
          [...volumes, ...claims.map(({ metadata }) => metadata)].map((volume) => volume.name),
        );
        for (const { volumeMounts } of containersOf(workload))
          for (const mount of volumeMounts)
            expect(there.has(mount.name), `${where}: ${mount.name}`).toBe(true);
      }
    }
  });

  it('is a Job that goes on after an eviction, and gives up on bad input alone', () => {
    const job = z
      .looseObject({
        spec: z.looseObject({
          suspend: z.boolean(),
          jobTemplate: z.looseObject({
            spec: z.looseObject({ template: z.looseObject({ spec: z.looseObject({}) }) }),
          }),
        }),
      })
      .parse(find('base').objects.find(({ kind }) => kind === 'CronJob')).spec;
    expect(job.suspend).toBe(true);
    expect(job.jobTemplate.spec).toMatchObject({
      podReplacementPolicy: 'Failed',
      podFailurePolicy: {
        rules: [
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          { action: 'FailJob', onExitCodes: { operator: 'In', values: [2] } },
        ],
      },
      template: { spec: { restartPolicy: 'Never' } },
    });
    expect(quantity(z.number().parse(job.jobTemplate.spec['backoffLimit']))).toBeGreaterThan(0);
  });
});
