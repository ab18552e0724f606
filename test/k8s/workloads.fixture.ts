// What runs: the pods that Deployments, StatefulSets and templates of Jobs make, with their environment put together as the kubelet does.
import { z } from 'zod';
import type { KubernetesObject } from './kustomize.fixture.ts';

const text = z.string();
const strings = z.record(text, text);
const quantities = z.record(text, z.union([text, z.number()])).default({});

const probe = z.looseObject({
  grpc: z.looseObject({ port: z.number() }).optional(),
  tcpSocket: z.looseObject({}).optional(),
  exec: z.looseObject({ command: z.array(text) }).optional(),
  httpGet: z.looseObject({}).optional(),
  periodSeconds: z.number().default(10),
  failureThreshold: z.number().default(3),
});

const container = z.looseObject({
  name: text,
  image: text,
  command: z.array(text).optional(),
  args: z.array(text).default([]),
  restartPolicy: text.optional(),
  ports: z.array(z.looseObject({ name: text.optional(), containerPort: z.number() })).default([]),
  env: z
    .array(
      z.looseObject({
        name: text,
        value: text.optional(),
        valueFrom: z
          .looseObject({
            configMapKeyRef: z.looseObject({ name: text, key: text }).optional(),
            secretKeyRef: z.looseObject({ name: text, key: text }).optional(),
            fieldRef: z.looseObject({ fieldPath: text }).optional(),
            resourceFieldRef: z.looseObject({ resource: text }).optional(),
          })
          .optional(),
      }),
    )
    .default([]),
  envFrom: z.array(z.looseObject({ configMapRef: z.looseObject({ name: text }).optional() })).default([]),
  resources: z.looseObject({ requests: quantities, limits: quantities }),
  securityContext: z.looseObject({
    readOnlyRootFilesystem: z.boolean(),
    allowPrivilegeEscalation: z.boolean(),
    privileged: z.boolean(),
    capabilities: z.looseObject({ drop: z.array(text), add: z.array(text).optional() }),
    runAsUser: z.number().optional(),
  }),
  volumeMounts: z
    .array(z.looseObject({ name: text, mountPath: text, readOnly: z.boolean().default(false) }))
    .default([]),
  startupProbe: probe.optional(),
  readinessProbe: probe.optional(),
  livenessProbe: probe.optional(),
});
export type Container = z.infer<typeof container>;

const podTemplate = z.looseObject({
  metadata: z.looseObject({ labels: strings }),
  spec: z.looseObject({
    containers: z.array(container).min(1),
    initContainers: z.array(container).default([]),
    serviceAccountName: text.optional(),
    automountServiceAccountToken: z.boolean().optional(),
    terminationGracePeriodSeconds: z.number().default(30),
    securityContext: z.looseObject({
      runAsNonRoot: z.boolean(),
      runAsUser: z.number(),
      seccompProfile: z.looseObject({ type: text }),
    }),
    volumes: z
      .array(
        z.looseObject({
          name: text,
          emptyDir: z.looseObject({ sizeLimit: text.optional(), medium: text.optional() }).optional(),
          configMap: z.looseObject({ name: text }).optional(),
          secret: z.looseObject({ secretName: text }).optional(),
          persistentVolumeClaim: z.looseObject({ claimName: text }).optional(),
        }),
      )
      .default([]),
    topologySpreadConstraints: z.array(z.looseObject({ topologyKey: text })).default([]),
  }),
});

/** A pod that something makes. */
export interface Workload {
  readonly kind: string;
  readonly name: string;
  readonly component: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly pod: z.infer<typeof podTemplate>['spec'];
  readonly object: KubernetesObject;
}

const templated = z.looseObject({ spec: z.looseObject({ template: podTemplate }) });
const scheduled = z.looseObject({ spec: z.looseObject({ jobTemplate: templated }) });

/** Every workload among the objects. */
export function workloadsOf(objects: readonly KubernetesObject[]): Workload[] {
  return objects.flatMap((object): Workload[] => {
    const { kind, metadata } = object;
    if (!['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'].includes(kind)) return [];
    const { template } =
      kind === 'CronJob' ? scheduled.parse(object).spec.jobTemplate.spec : templated.parse(object).spec;
    const { labels } = template.metadata;
    const component = labels['app.kubernetes.io/component'] ?? '';
    return [{ kind, name: metadata.name, component, labels, pod: template.spec, object }];
  });
}

/** Every container of a pod, also those that start before the others. */
export function containersOf({ pod }: Workload): Container[] {
  return [...pod.initContainers, ...pod.containers];
}

const configMap = z.looseObject({ data: strings.default({}) });

/**
 * A container's variables. Values that only the cluster knows (secrets, fields of the pod) are in angle brackets; limits are as written.
 *
 * @throws Error for a ConfigMap or a key that is not among the objects.
 */
export function environmentOf(
  { env, envFrom, resources }: Container,
  objects: readonly KubernetesObject[],
): Record<string, string> {
  const dataOf = (name: string): Record<string, string> => {
    const found = objects.find((object) => object.kind === 'ConfigMap' && object.metadata.name === name);
    if (found === undefined) throw new Error(`there is no ConfigMap ${name}`);
    return configMap.parse(found).data;
  };
  const environment: Record<string, string> = {};
  for (const { configMapRef } of envFrom)
    if (configMapRef !== undefined) Object.assign(environment, dataOf(configMapRef.name));
  for (const { name, value, valueFrom } of env) {
    const {
      configMapKeyRef: key,
      resourceFieldRef: limit,
      secretKeyRef: secret,
      fieldRef: field,
    } = valueFrom ?? {};
    if (key !== undefined) {
      const found = dataOf(key.name)[key.key];
      if (found === undefined) throw new Error(`the ConfigMap ${key.name} has no ${key.key}`);
      environment[name] = found;
    } else if (limit !== undefined) {
      environment[name] = String(resources.limits[limit.resource.replace(/^limits\./, '')]);
    } else if (secret !== undefined || field !== undefined) {
      environment[name] = `<${secret?.name ?? field?.fieldPath ?? ''}>`;
    } else {
      environment[name] = value ?? '';
    }
  }
  return environment;
}

/** A quantity ("2Gi", "500m", "3") as a number. */
export function quantity(written: string | number | undefined): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(m|[KMGT]i?)?$/.exec(String(written)) ?? [];
  const units: Record<string, number> = {
    '': 1,
    m: 1e-3,
    Ki: 2 ** 10,
    Mi: 2 ** 20,
    Gi: 2 ** 30,
    Ti: 2 ** 40,
  };
  const scale = units[unit];
  if (number === '' || scale === undefined) throw new Error(`${String(written)} is no quantity`);
  return Number(number) * scale;
}
