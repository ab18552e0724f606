// infra/OPERATIONS.md as it stands: its blocks that begin with "# api", one after another, against a real Kubernetes API.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiServer, hasControllers } from './api-server.fixture.ts';
import { built, manifests, repository } from './kustomize.fixture.ts';

const page = readFileSync(join(repository, 'infra', 'OPERATIONS.md'), 'utf8');
const blocks = [...page.matchAll(/^## (.+)$|^```sh\n# api\n([^]*?)^```$/gm)].reduce<
  { title: string; script: string }[]
>((found, [, title, script]) => {
  if (title !== undefined) return [...found, { title, script: '' }];
  const section = found.at(-1)?.title ?? '';
  return [...found, { title: section, script: script ?? '' }];
}, []);
const steps = blocks
  .filter(({ script }) => script !== '')
  .map(({ title, script }, index) => ({ name: `${index + 1}. ${title}`, script }));

describe.skipIf(!hasControllers)(
  'infra/OPERATIONS.md on an API server (skipped until fetch-api-server.sh has built one)',
  () => {
    let api: ApiServer;
    let folder: string;
    beforeAll(async () => {
      api = await ApiServer.start();
      await api.run(['apply', '--server-side', '--filename', join(built, 'crds')]);
      await api.run(['wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all']);
      // A place where `out` is nobody else's.
      const parent = join(repository, 'node_modules', '.cache');
      mkdirSync(parent, { recursive: true });
      folder = mkdtempSync(join(parent, 'operations-'));
      for (const path of ['k8s', 'observability'])
        cpSync(join(manifests, '..', path), join(folder, 'infra', path), { recursive: true });
    }, 300_000);
    afterAll(async () => {
      await api.stop();
      rmSync(folder, { recursive: true });
    });

    it('has a step for everything that the page is about', () => {
      expect([...new Set(steps.map(({ name }) => name.replace(/^\d+\. /, '')))]).toEqual(
        expect.arrayContaining([
          'Deploy',
          'Plug in a judge',
          'Scale',
          'Upgrade',
          'Rotate certificates and tokens',
        ]),
      );
    });

    it.for(steps)('$name', async ({ script }) => {
      const { code, said } = await new Promise<{ code: number; said: string }>((resolve) => {
        execFile(
          'bash',
          ['-euo', 'pipefail', '-c', script],
          {
            cwd: folder,
            env: {
              ...process.env,
              ...api.environment,
              JUDGE_API_KEY: 'a-key',
              ACCESS_KEY_ID: 'an-id',
              SECRET_ACCESS_KEY: 'a-secret',
            },
          },
          (error, out, err) => resolve({ code: error === null ? 0 : 1, said: `${out}${err}` }),
        );
      });
      expect({ code, said }).toEqual({ code: 0, said: expect.not.stringMatching(/^Warning:/m) });
    });
  },
);
