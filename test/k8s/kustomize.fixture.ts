// Kustomize as an operator runs it: folders of manifests in, the objects that would be applied out.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

export const repository = fileURLToPath(new URL('../../', import.meta.url));
/** infra/k8s. */
export const manifests = join(repository, 'infra', 'k8s');
/** What fetch-kustomize.sh and fetch-api-server.sh build. */
export const built = join(repository, '.cache', 'overtone', 'kubernetes');

const labels = z.record(z.string(), z.string()).default({});

/** An object of Kubernetes, as far as all kinds are alike. */
export const kubernetesObject = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional(), labels }),
});
export type KubernetesObject = z.infer<typeof kubernetesObject>;

/** Where a program is; undefined: nowhere on the path. */
export function onPath(program: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));
}

/** The command that renders a folder; undefined where there is neither kustomize nor kubectl. */
export const kustomize: readonly [string, ...string[]] | undefined = findKustomize();

function findKustomize(): readonly [string, ...string[]] | undefined {
  const standalone = [join(built, 'bin', 'kustomize'), onPath('kustomize')].find(
    (path) => path !== undefined && existsSync(path),
  );
  if (standalone !== undefined) return [standalone, 'build'];
  const kubectl = [join(built, 'bin', 'kubectl'), onPath('kubectl')].find(
    (path) => path !== undefined && existsSync(path),
  );
  return kubectl === undefined ? undefined : [kubectl, 'kustomize'];
}

/** The objects of a kustomization, for example "overlays/cpu". Throws with what kustomize says when it cannot be rendered. */
export function render(folder: string): KubernetesObject[] {
  if (kustomize === undefined)
    throw new Error('there is no kustomize: test/k8s/fetch-kustomize.sh builds it');
  const [program, ...words] = kustomize;
  const text = execFileSync(program, [...words, join(manifests, folder)], {
    encoding: 'utf8',
    maxBuffer: 1e8,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return parseAllDocuments(text).map((document) => kubernetesObject.parse(document.toJS()));
}

/** The base with components, in the order in which an operator's own kustomization would name them. */
export function renderWith(components: readonly string[]): KubernetesObject[] {
  return renderOwn({ resources: ['base'], components: components.map((name) => join('components', name)) });
}

/** An operator's own kustomization, whose `resources` and `components` are folders of infra/k8s. */
export function renderOwn({
  resources,
  components = [],
  ...rest
}: {
  resources: readonly string[];
  components?: readonly string[];
  [key: string]: unknown;
}): KubernetesObject[] {
  // Kustomize takes no absolute paths.
  const parent = join(repository, 'node_modules', '.cache');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'kustomization-'));
  const from = (path: string): string => relative(folder, join(manifests, path));
  try {
    const kustomization = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      namespace: 'overtone',
      resources: resources.map(from),
      components: components.map(from),
      ...rest,
    };
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
    return render(relative(manifests, folder));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A folder of this test's own, which the caller removes. */
export function temporaryFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `overtone-${name}-`));
}
