// Every kustomization of infra/k8s as an operator gets it: the base, each overlay, and the base with each component.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type KubernetesObject, kustomize, manifests, render, renderWith } from './kustomize.fixture.ts';
import { type Container, environmentOf, type Workload, workloadsOf } from './workloads.fixture.ts';

export const SERVICES = ['generator', 'judge', 'scorer', 'trainer', 'evaluator'];
export const OVERLAYS = readdirSync(join(manifests, 'overlays'));
const COMPONENTS = readdirSync(join(manifests, 'components'));
/** What a component has to come after. */
const NEEDS: Readonly<Record<string, readonly string[]>> = { 'vllm-generator': ['hub-model'] };

export const rendered: {
  readonly name: string;
  readonly objects: KubernetesObject[];
  readonly workloads: Workload[];
}[] = [];
if (kustomize !== undefined) {
  const kustomizations = [
    ['base', () => render('base')] as const,
    ...OVERLAYS.map((name) => [`overlays/${name}`, () => render(`overlays/${name}`)] as const),
    ...COMPONENTS.map(
      (name) => [`components/${name}`, () => renderWith([...(NEEDS[name] ?? []), name])] as const,
    ),
  ];
  for (const [name, make] of kustomizations) {
    const objects = make();
    rendered.push({ name, objects, workloads: workloadsOf(objects) });
  }
}

/** One of them, for example "overlays/cpu". */
export function find(name: string): (typeof rendered)[number] {
  const found = rendered.find((each) => each.name === name);
  if (found === undefined) throw new Error(`${name} was not rendered`);
  return found;
}

/** Containers of Overtone's own images, over all kustomizations. */
export function* own(): Generator<{
  where: string;
  workload: Workload;
  container: Container;
  environment: Record<string, string>;
}> {
  for (const { name, objects, workloads } of rendered)
    for (const workload of workloads)
      for (const container of workload.pod.containers)
        if (container.image.startsWith('overtone-'))
          yield {
            where: `${name}: ${workload.name}`,
            workload,
            container,
            environment: environmentOf(container, objects),
          };
}

/** Whether a workload is one of the five services, or a second one of them. */
export const isService = ({ component }: Workload): boolean => SERVICES.includes(component);

/** What an object selects pods by. */
export function selectorOf(object: KubernetesObject | undefined): Record<string, string> {
  return z
    .looseObject({
      spec: z.looseObject({ selector: z.looseObject({ matchLabels: z.record(z.string(), z.string()) }) }),
    })
    .parse(object).spec.selector.matchLabels;
}

/** Where something has to be there. */
export function never(): never {
  throw new Error('it is not there');
}
