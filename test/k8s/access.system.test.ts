// infra/k8s and who may reach whom: network, certificates, tokens, buckets.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { kustomize } from './kustomize.fixture.ts';
import { allowedEdges } from './network.fixture.ts';
import { find, isService, never, OVERLAYS, rendered, SERVICES } from './rendered.fixture.ts';
import { environmentOf, quantity } from './workloads.fixture.ts';

describe.skipIf(kustomize === undefined)('infra/k8s, its borders (skipped without kustomize)', () => {
  it('is reachable from other pods only where that is secured, or said to be unnecessary', () => {
    for (const name of OVERLAYS) {
      const { objects, workloads } = find(`overlays/${name}`);
      for (const workload of workloads.filter(isService)) {
        const environment = environmentOf(workload.pod.containers[0] ?? never(), objects);
        expect([
          name,
          workload.name,
          environment['OVERTONE_INSECURE'] === '1',
          environment['OVERTONE_REFLECTION'] === '1',
        ]).toEqual([name, workload.name, name === 'local', name === 'local']);
        if (name !== 'local') expect(environment['OVERTONE_TLS_CA']).toBe('/etc/overtone/tls/ca.crt');
      }
    }
  });

  it('allows the calls of the architecture, and no others', () => {
    const dns = (names: string[]): string[] => names.map((name) => `${name} -> kube-system:53`);
    const calls = [
      ...['evaluator', 'generator', 'judge', 'scorer', 'trainer'].map(
        (callee) => `experiment -> ${callee}:50051`,
      ),
      'judge -> generator:50051',
      'evaluator -> generator:50051',
    ];
    const { objects, workloads } = find('components/network-policies');
    expect(allowedEdges(objects, workloads)).toEqual([...calls, ...dns([...SERVICES, 'experiment'])].sort());

    const gpu = find('overlays/gpu');
    const expected = [
      ...calls,
      'experiment -> external-judge:50051',
      'collector -> jaeger:4317',
      ...['external-judge', 'fetch-model'].flatMap((name) => [
        `${name} -> 0.0.0.0/0:443`,
        `${name} -> 2000::/3:443`,
      ]),
      ...['experiment', 'generator', 'trainer'].flatMap((name) => [
        `${name} -> 0.0.0.0/0:443`,
        `${name} -> ::/0:443`,
      ]),
      ...[...SERVICES, 'experiment', 'external-judge'].map((name) => `${name} -> collector:4318`),
      ...dns(gpu.workloads.map(({ name }) => name)),
    ];
    expect(allowedEdges(gpu.objects, gpu.workloads)).toEqual(expected.sort());
  });

  it('gives each service a certificate for its names, and lets in those that call it', () => {
    const { objects, workloads } = find('overlays/gpu');
    const certificate = z.looseObject({
      spec: z.looseObject({
        secretName: z.string(),
        uris: z.array(z.string()),
        dnsNames: z.array(z.string()),
        duration: z.string(),
        renewBefore: z.string(),
      }),
    });
    const certificates = objects
      .filter(({ kind, metadata }) => kind === 'Certificate' && metadata.name !== 'authority')
      .map((object) => certificate.parse(object).spec);
    const edges = allowedEdges(objects, workloads);
    for (const workload of workloads.filter((each) => isService(each) || each.name === 'experiment')) {
      const secret = workload.pod.volumes.find(({ name }) => name === 'tls')?.secret?.secretName;
      const found = certificates.find(({ secretName }) => secretName === secret);
      expect(found?.uris).toEqual([`spiffe://overtone/${workload.component}`]);
      expect(found?.dnsNames).toContain(
        workload.kind === 'StatefulSet' ? `*.${workload.name}` : workload.name,
      );
      if (!isService(workload)) continue;
      // Those who may by certificate are those whom the network lets through; a second judge has the right of a judge.
      const allow =
        environmentOf(workload.pod.containers[0] ?? never(), objects)['OVERTONE_ALLOW']?.split(',') ?? [];
      const callers = edges.flatMap((edge) =>
        edge.endsWith(` -> ${workload.name}:50051`) ? [edge.split(' ')[0] ?? ''] : [],
      );
      const identities = callers.map((name) => workloads.find((each) => each.name === name)?.component ?? '');
      expect([workload.name, allow.sort()]).toEqual([workload.name, [...new Set(identities)].sort()]);
    }
  });

  it('gives each caller a token, and each service those of its callers', () => {
    const { objects, workloads } = find('components/tokens');
    const tokens = (name: string): [string, string[]] => {
      const workload = workloads.find((each) => each.name === name) ?? never();
      const environment = environmentOf(workload.pod.containers[0] ?? never(), objects);
      const items = z
        .array(
          z.looseObject({
            name: z.string(),
            secret: z
              .looseObject({ items: z.array(z.looseObject({ key: z.string() })).default([]) })
              .optional(),
          }),
        )
        .parse(workload.pod.volumes);
      const keys = (volume: string): string[] =>
        items.find((each) => each.name === volume)?.secret?.items.map(({ key }) => key) ?? [];
      expect([name, environment['OVERTONE_TOKENS']]).toEqual([
        name,
        name === 'experiment' ? undefined : '/etc/overtone/callers',
      ]);
      expect(environment['OVERTONE_TOKEN_FILE']).toBe(
        keys('token').length > 0 ? '/etc/overtone/token/token' : undefined,
      );
      return [keys('token').join(), keys('callers')];
    };
    expect(tokens('generator')).toEqual(['', ['experiment', 'judge', 'evaluator']]);
    expect(tokens('judge')).toEqual(['judge', ['experiment']]);
    expect(tokens('scorer')).toEqual(['', ['experiment']]);
    expect(tokens('trainer')).toEqual(['', ['experiment']]);
    expect(tokens('evaluator')).toEqual(['evaluator', ['experiment']]);
    expect(tokens('experiment')).toEqual(['experiment', []]);
  });

  it('keeps nothing on the shared volume where artifacts go to a bucket, and room for copies of them', () => {
    const { objects, workloads } = find('overlays/gpu');
    expect(
      objects.some(({ kind, metadata }) => kind === 'PersistentVolumeClaim' && metadata.name === 'artifacts'),
    ).toBe(false);
    for (const name of ['generator', 'trainer', 'experiment']) {
      const { pod } = workloads.find((each) => each.name === name) ?? never();
      const environment = environmentOf(pod.containers[0] ?? never(), objects);
      expect(environment['OVERTONE_ARTIFACTS']).toMatch(/^s3:/);
      const cache = pod.volumes.find((volume) => volume.name === 'cache')?.emptyDir?.sizeLimit;
      expect(quantity(cache), name).toBeGreaterThan(
        quantity(environment['OVERTONE_CACHE_SIZE']?.replace('B', '')),
      );
      expect(environment['AWS_SHARED_CREDENTIALS_FILE']).toMatch(/^\/etc\/overtone\/artifact-store\//);
    }
    // No secret is in a manifest.
    for (const { objects: all } of rendered) expect(all.filter(({ kind }) => kind === 'Secret')).toEqual([]);
  });
});
