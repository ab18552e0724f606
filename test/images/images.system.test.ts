// The six images: who runs in them, what they bring along, where they write, and how they end.
import { afterAll, describe, expect, it } from 'vitest';
import {
  docker,
  HARDENED,
  imageOf,
  type ImageName,
  IMAGES,
  ServiceContainer,
  whatIsMissing,
} from './containers.ts';

const missing = await whatIsMissing();
const MODEL = '/opt/overtone/libs/miniature/model';
const STORE = 'file:///var/lib/overtone/artifacts';

/** What each service needs to start; nothing of it has to be there. */
const environments: Readonly<Record<Exclude<ImageName, 'experiment'>, Readonly<Record<string, string>>>> = {
  generator: { OVERTONE_MODEL: MODEL, OVERTONE_WORKERS: '1' },
  judge: { OVERTONE_JUDGE: 'rubric' },
  scorer: {},
  trainer: { OVERTONE_ARTIFACTS: STORE },
  evaluator: { OVERTONE_GENERATOR: '127.0.0.1:9' },
};
const serviceNames = IMAGES.filter((name) => name !== 'experiment');

/** Runs a program of an image to its end, hardened as it is deployed. */
const runIn = (name: ImageName, program: string, ...words: string[]): Promise<string> =>
  docker('run', '--rm', ...HARDENED, '--entrypoint', program, imageOf(name), ...words);

const volumes: string[] = [];
afterAll(async () => {
  for (const volume of volumes) await docker('volume', 'rm', '--force', volume);
});

async function volume(): Promise<string> {
  const name = await docker('volume', 'create');
  volumes.push(name);
  return name;
}

describe.skipIf(missing !== undefined)(`images${missing === undefined ? '' : ` (${missing})`}`, () => {
  it.each(IMAGES)('%s is below 700 MB, of user 10001, and says what it is', async (name) => {
    const [described] = JSON.parse(await docker('image', 'inspect', imageOf(name))) as [
      { Size: number; Config: { User: string; Labels: Record<string, string>; Entrypoint: string[] } },
    ];
    expect(described.Size).toBeLessThan(700e6);
    expect(described.Config.User).toBe('10001:10001');
    // Exec form: SIGTERM reaches Node itself.
    expect(described.Config.Entrypoint[0]).toBe('node');
    expect(described.Config.Labels).toMatchObject({
      'org.opencontainers.image.title': `overtone-${name}`,
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.version': imageOf(name).split(':')[1],
    });
  });

  it.each(IMAGES)(
    '%s has nothing that compiles, installs or fetches, no tests, and what an SBOM is made from',
    async (name) => {
      const script = `
      for tool in gcc g++ cc c++ clang make ld as python3 npm npx corepack yarn git curl wget ssh; do
        command -v $tool && echo "tool: $tool"; done
      find /opt/overtone/libs /opt/overtone/services -name '*.test.ts' -o -name '*.fixture.ts' | head -3
      find / -xdev \\( -perm -4000 -o -perm -2000 \\) -path '/opt/*' 2>/dev/null
      find /opt/overtone ! -type l \\( -perm -o+w -o -user 10001 \\) | head -3
      find /opt/overtone/node_modules/onnxruntime-node/bin -name '*.dylib' -o -name '*.dll' -o -name '*cuda*' 2>/dev/null
      for package in typescript vitest eslint nx axe-core puppeteer-core; do
        test -e /opt/overtone/node_modules/$package && echo "package: $package"; done
      test -s /opt/overtone/package-lock.json && test -s /opt/overtone/node_modules/@grpc/grpc-js/package.json && echo complete`;
      expect(await runIn(name, 'sh', '-c', script)).toBe('complete');
    },
  );

  it.each(IMAGES)('%s writes to /tmp and its volumes, and nowhere else', async (name) => {
    const script = `
      for folder in / /opt/overtone /var /etc /usr/local /var/lib/overtone /var/cache/overtone /tmp; do
        touch $folder/probe 2>/dev/null && echo $folder; done; id -u`;
    const mounted = ['--volume', `${await volume()}:/var/cache/overtone`];
    const wrote = await docker(
      'run',
      '--rm',
      ...HARDENED,
      ...mounted,
      '--entrypoint',
      'sh',
      imageOf(name),
      '-c',
      script,
    );
    expect(wrote.split('\n')).toEqual(['/var/cache/overtone', '/tmp', '10001']);
  });

  it.each(serviceNames)('%s is healthy, and stops within 3 seconds at SIGTERM with 0', async (name) => {
    const store = { '/var/lib/overtone/artifacts': await volume() };
    const service = await ServiceContainer.start({
      image: name,
      name,
      environment: environments[name],
      volumes: name === 'trainer' ? { ...store, '/var/lib/overtone/state': await volume() } : store,
      memory: '1g',
    });
    try {
      expect(service.userIds).toEqual([10001, 10001, 10001, 10001]);
      const { code, ms } = await service.stop();
      expect(code).toBe(0);
      expect(ms).toBeLessThan(3000);
    } finally {
      await service.remove();
    }
  });

  it('a service that others could reach without TLS does not start', async () => {
    const refused = docker('run', '--rm', ...HARDENED, imageOf('scorer'));
    await expect(refused).rejects.toThrow(/0\.0\.0\.0:50051 is reachable from other machines and has no TLS/);
  });

  it('the experiment is the command, with the services in it', async () => {
    const command = (...words: string[]): Promise<string> =>
      docker('run', '--rm', ...HARDENED, imageOf('experiment'), ...words);
    expect(await command('--version')).toMatch(/^\d+\.\d+\.\d+$/);
    expect(JSON.parse(await command('doctor', '--json'))).toMatchObject({
      devices: expect.arrayContaining([expect.objectContaining({ name: 'cpu', works: true })]),
    });
    await expect(command('run', '/nowhere.yaml', '--out', '/tmp/run')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('/nowhere.yaml: no such file'),
    });
  });
});
