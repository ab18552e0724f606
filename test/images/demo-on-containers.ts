// The quick demo on containers, and beside it without them; see demo-on-containers.sh.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual, promisify } from 'node:util';
import { z } from 'zod';
import {
  type ContainerOptions,
  docker,
  HARDENED,
  imageOf,
  IMAGES,
  ServiceContainer,
  whatIsMissing,
} from './containers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ARMS = [
  ...['base', 'sft/random', 'sft/entropy', 'sft/self-judge', 'sft/external-judge', 'sft/reversed-judge'],
  ...['dpo/self-judge', 'dpo/external-judge', 'dpo/reversed-judge', 'rrhf-bt/entropy', 'rrhf-bt/self-judge'],
];
const STORE = 'file:///var/lib/overtone/artifacts';

const split = z.object({ avg: z.number().min(0).max(1) });
const reportSchema = z.looseObject({
  arms: z.array(z.looseObject({ name: z.string(), eval: z.object({ easy: split, hard: split }) })),
  judges: z.array(z.looseObject({ name: z.string() })),
});

/** A report, without what depends on time and place. */
function findings(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  const { arms, judges, ...rest } = reportSchema.parse(value);
  const names = arms.map(({ name }) => name);
  const missing = ARMS.filter((name) => !names.includes(name));
  if (missing.length > 0) throw new Error(`arms missing from report.json: ${missing.join(', ')}`);
  const volatile = ['timings', 'name', 'version'];
  // A judge at an address is that, whatever it is made of.
  const judgedBy = judges.map((judge) => ({ ...judge, backend: undefined }));
  return {
    ...Object.fromEntries(Object.entries(rest).filter(([key]) => !volatile.includes(key))),
    arms,
    judgedBy,
  };
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;

const missing = await whatIsMissing();
if (missing !== undefined) throw new Error(missing);

console.log('image                       size (unpacked)');
for (const name of IMAGES) {
  const bytes = Number(await docker('image', 'inspect', '--format', '{{.Size}}', imageOf(name)));
  console.log(`${imageOf(name).padEnd(28)}${Math.round(bytes / 1e6)} MB`);
  if (bytes > 700e6) throw new Error(`${imageOf(name)} is larger than 700 MB`);
}

const mark = `overtone-demo-${process.pid}`;
const volumes = { artifacts: `${mark}-artifacts`, state: `${mark}-state`, runs: `${mark}-runs` };
const artifacts = { '/var/lib/overtone/artifacts': volumes.artifacts };
const scratch = await mkdtemp(join(tmpdir(), 'overtone-images-'));
const services: ServiceContainer[] = [];

async function start(options: ContainerOptions): Promise<ServiceContainer> {
  const service = await ServiceContainer.start(options);
  services.push(service);
  return service;
}

try {
  for (const volume of Object.values(volumes)) await docker('volume', 'create', volume);
  const generator = await start({
    image: 'generator',
    name: 'generator',
    environment: { OVERTONE_MODEL: '/opt/overtone/libs/miniature/model', OVERTONE_ARTIFACTS: STORE },
    volumes: artifacts,
    memory: '3g',
  });
  const needing = { OVERTONE_GENERATOR: generator.address };
  const judge = await start({
    image: 'judge',
    name: 'judge',
    environment: {
      ...needing,
      OVERTONE_JUDGE: 'generator',
      OVERTONE_JUDGE_NAME: 'self',
      OVERTONE_JUDGE_TEMPLATE: 'miniature',
    },
    memory: '512m',
  });
  const rubric = await start({
    image: 'judge',
    name: 'judge-rubric',
    environment: { OVERTONE_JUDGE: 'rubric', OVERTONE_JUDGE_NAME: 'rubric' },
    memory: '512m',
  });
  const scorer = await start({ image: 'scorer', name: 'scorer', memory: '1g' });
  const trainer = await start({
    image: 'trainer',
    name: 'trainer',
    environment: { OVERTONE_ARTIFACTS: STORE },
    volumes: { ...artifacts, '/var/lib/overtone/state': volumes.state },
    memory: '3g',
  });
  const evaluator = await start({
    image: 'evaluator',
    name: 'evaluator',
    environment: needing,
    memory: '1g',
  });
  const addresses = {
    generator: generator.address,
    scorer: scorer.address,
    trainer: trainer.address,
    evaluator: evaluator.address,
    'judge.self': judge.address,
    'judge.rubric': rubric.address,
    artifacts: STORE,
  };

  console.log('\nthe demo on containers');
  let began = performance.now();
  await docker(
    ...['run', '--name', mark, ...HARDENED, '--memory', '2g'],
    ...['--volume', `${volumes.artifacts}:/var/lib/overtone/artifacts`],
    ...['--volume', `${volumes.runs}:/var/lib/overtone/runs`],
    ...[imageOf('experiment'), 'demo', '--quick', '--out', '/var/lib/overtone/runs/demo'],
    ...Object.entries(addresses).flatMap(([name, address]) => ['--service', `${name}=${address}`]),
  );
  console.log(`done in ${seconds(performance.now() - began)}`);
  await docker('cp', `${mark}:/var/lib/overtone/runs/demo/report.json`, join(scratch, 'containers.json'));

  console.log('\nservice         start-up   most memory   stopped in   exit code');
  for (const service of services.splice(0)) {
    const { peakBytes } = service;
    const { code, ms } = await service.stop();
    console.log(
      `${service.name.padEnd(16)}${seconds(service.startMs).padEnd(11)}${mebibytes(peakBytes).padEnd(14)}${seconds(ms).padEnd(13)}${code}`,
    );
    if (code !== 0) throw new Error(`${service.name} ended with exit code ${code}`);
  }

  console.log('\nthe demo without containers');
  began = performance.now();
  const command = [join(ROOT, 'libs/cli/src/main.ts'), 'demo', '--quick', '--out', join(scratch, 'local')];
  await promisify(execFile)(process.execPath, command, { cwd: ROOT, maxBuffer: 64 * 2 ** 20 });
  console.log(`done in ${seconds(performance.now() - began)}`);

  const ours = findings(await readFile(join(scratch, 'containers.json'), 'utf8'));
  const theirs = findings(await readFile(join(scratch, 'local', 'report.json'), 'utf8'));
  const differing = Object.keys({ ...ours, ...theirs }).filter(
    (key) => !isDeepStrictEqual(ours[key], theirs[key]),
  );
  if (differing.length > 0)
    throw new Error(`with and without containers, report.json differs in ${differing.join(', ')}`);
  console.log(
    `\n${ARMS.length} arms, and every number of report.json is the same with and without containers`,
  );
} finally {
  for (const service of services) await service.remove();
  await docker('rm', '--force', '--volumes', mark).catch(() => undefined);
  for (const volume of Object.values(volumes)) await docker('volume', 'rm', '--force', volume);
  await rm(scratch, { recursive: true, force: true });
}
