// Who may reach whom, worked out from NetworkPolicies as a network plug-in does: a connection needs the leave of those that select its
// caller and of those that select its callee.
import { z } from 'zod';
import type { KubernetesObject } from './kustomize.fixture.ts';
import type { Workload } from './workloads.fixture.ts';

const selector = z.strictObject({
  matchLabels: z.record(z.string(), z.string()).default({}),
  matchExpressions: z
    .array(
      z.strictObject({
        key: z.string(),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string()).default([]),
      }),
    )
    .default([]),
});
const peer = z.strictObject({
  podSelector: selector.optional(),
  namespaceSelector: selector.optional(),
  ipBlock: z.strictObject({ cidr: z.string(), except: z.array(z.string()).default([]) }).optional(),
});
const ports = z.array(z.strictObject({ protocol: z.string(), port: z.union([z.number(), z.string()]) }));
const policy = z.looseObject({
  spec: z.strictObject({
    podSelector: selector,
    policyTypes: z.array(z.enum(['Ingress', 'Egress'])),
    ingress: z.array(z.strictObject({ from: z.array(peer).optional(), ports: ports.optional() })).default([]),
    egress: z.array(z.strictObject({ to: z.array(peer).optional(), ports: ports.optional() })).default([]),
  }),
});

type Selector = z.infer<typeof selector>;
type Labels = Readonly<Record<string, string>>;

function selects({ matchLabels, matchExpressions }: Selector, labels: Labels): boolean {
  const matches = Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
  return (
    matches &&
    matchExpressions.every(({ key, operator, values }) => {
      const value = labels[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      return (value !== undefined && values.includes(value)) === (operator === 'In');
    })
  );
}

/** Connections that the policies allow between the workloads, and from them to elsewhere: "judge -> generator:50051". */
export function allowedEdges(objects: readonly KubernetesObject[], workloads: readonly Workload[]): string[] {
  const policies = objects
    .filter(({ kind }) => kind === 'NetworkPolicy')
    .map((object) => policy.parse(object).spec);
  const edges = new Set<string>();
  for (const caller of workloads) {
    const out = policies.filter(
      ({ policyTypes, podSelector }) => policyTypes.includes('Egress') && selects(podSelector, caller.labels),
    );
    if (out.length === 0) edges.add(`${caller.name} -> anywhere`);
    for (const { to, ports: numbers } of out.flatMap(({ egress }) => egress)) {
      if (to === undefined || numbers === undefined)
        throw new Error(`${caller.name}: a rule without peers or ports`);
      for (const target of to)
        for (const { port } of numbers) {
          for (const edge of edgesTo(target, String(port), caller)) edges.add(edge);
        }
    }
  }
  return [...edges].sort();

  function edgesTo(
    { podSelector, namespaceSelector, ipBlock }: z.infer<typeof peer>,
    port: string,
    caller: Workload,
  ): string[] {
    if (ipBlock !== undefined) return [`${caller.name} -> ${ipBlock.cidr}:${port}`];
    if (namespaceSelector !== undefined)
      return [`${caller.name} -> ${Object.values(namespaceSelector.matchLabels).join(',')}:${port}`];
    return workloads
      .filter((callee) => podSelector !== undefined && selects(podSelector, callee.labels))
      .filter((callee) => admits(callee, caller, port))
      .map((callee) => `${caller.name} -> ${callee.name}:${port}`);
  }

  function admits(callee: Workload, caller: Workload, port: string): boolean {
    const into = policies.filter(
      ({ policyTypes, podSelector }) =>
        policyTypes.includes('Ingress') && selects(podSelector, callee.labels),
    );
    return (
      into.length === 0 ||
      into
        .flatMap(({ ingress }) => ingress)
        .some(
          ({ from, ports: numbers }) =>
            (numbers ?? []).some((each) => String(each.port) === port) &&
            (from ?? []).some(
              ({ podSelector, namespaceSelector }) =>
                namespaceSelector === undefined &&
                podSelector !== undefined &&
                selects(podSelector, caller.labels),
            ),
        )
    );
  }
}
