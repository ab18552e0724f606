// Measures the artifact store in a bucket beside the one in a folder, `aws s3 cp` and curl, on the S3 server of the tests:
//
//   node test/store/measure.ts [MiB, default 256] [repetitions, default 3]
//
// Every figure is the median. The server lies on the same machine and shares its cores: what counts are the ratios.
import { execFileSync, spawnSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ArtifactRef, type ArtifactStore, openStore } from '@overtone/artifacts';
import { patterned } from '../../libs/artifacts/src/store-contract.fixture.ts';
import { CANARY, noS3Server, S3Server } from './s3-server.fixture.ts';

const MiB = 2 ** 20;
const BUCKET = 'measured';
const SMALL = { count: 200, bytes: 4096 };

const [size = 256, repetitions = 3] = process.argv.slice(2).map(Number);
if (noS3Server !== undefined) throw new Error(noS3Server);
const root = await mkdtemp(join(tmpdir(), 'overtone-measure-'));
const server = await S3Server.start(BUCKET);
const cache = join(root, 'cache');
Object.assign(process.env, server.environment, { OVERTONE_CACHE: cache, AWS_EC2_METADATA_DISABLED: 'true' });

try {
  const source = join(root, 'source');
  const rows: [string, number, number][] = [];
  const times = new Map<string, number[]>();
  const timed = async (name: string, work: () => unknown): Promise<void> => {
    const began = performance.now();
    await work();
    times.set(name, [...(times.get(name) ?? []), (performance.now() - began) / 1000]);
  };
  const has = (program: string): boolean =>
    spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
  const [aws, curl] = [has('aws'), has('curl')];
  const http = (key: string, ...more: string[]): unknown =>
    execFileSync('curl', [
      ...['--silent', '--fail', '--aws-sigv4', 'aws:amz:us-east-1:s3'],
      ...['--header', 'x-amz-content-sha256: UNSIGNED-PAYLOAD'],
      ...['--user', `${CANARY.AWS_ACCESS_KEY_ID}:${CANARY.AWS_SECRET_ACCESS_KEY}`],
      ...[...more, `${server.endpoint}/${BUCKET}/${key}`],
    ]);
  const copy = (from: string, to: string): unknown =>
    execFileSync('aws', ['--endpoint-url', server.endpoint, 's3', 'cp', '--quiet', from, to]);

  for (let round = 0; round < repetitions; round += 1) {
    await writeFile(source, patterned(size * MiB, round));
    for (const [name, uri] of [
      ['file://', pathToFileURL(join(root, `store-${round}`)).href],
      ['s3://', `s3://${BUCKET}/${round}`],
    ] as const) {
      const store = openStore(uri);
      // Connections and the SDK are there in a service that is at work.
      await store.put(new Uint8Array([round]), 'x/y');
      let ref: ArtifactRef = { sha256: '', mediaType: '' };
      await timed(`put ${name}`, async () => (ref = await store.put(createReadStream(source), 'x/y')));
      await timed(`put again ${name}`, () => store.put(createReadStream(source), 'x/y'));
      if (name === 's3://') await forget();
      await timed(`get ${name}`, () => store.openFile(ref));
      if (name === 's3://') await timed(`get, local copy ${name}`, () => store.openFile(ref));
      await timed(`small put ${name}`, () => putSmall(store, round));
      if (name === 'file://') await rm(join(root, `store-${round}`), { recursive: true });
    }
    if (aws) {
      await timed('put aws s3 cp', () => copy(source, `s3://${BUCKET}/aws-${round}`));
      await timed('get aws s3 cp', () => copy(`s3://${BUCKET}/aws-${round}`, join(root, 'back')));
    }
    if (curl) {
      await timed('put curl', () => http(`curl-${round}`, '--upload-file', source));
      await timed('get curl', () => http(`curl-${round}`, '--output', join(root, 'back')));
    }
  }
  for (const [name, seconds] of times) {
    const median =
      seconds.toSorted((left, right) => left - right)[Math.floor(seconds.length / 2)] ?? Number.NaN;
    rows.push([name, median, name.startsWith('small') ? SMALL.count / median : size / median]);
  }
  for (const [name, seconds, rate] of rows)
    process.stdout.write(
      `${name.padEnd(24)} ${seconds.toFixed(2).padStart(7)} s ${rate.toFixed(0).padStart(6)} ${name.startsWith('small') ? 'objects/s' : 'MiB/s'}\n`,
    );
  const rateOf = (name: string): number => rows.find(([own]) => own === name)?.[2] ?? Number.NaN;
  for (const [what, own, other] of [
    ['put', 'put s3://', 'put file://'],
    ['put', 'put s3://', 'put aws s3 cp'],
    ['put', 'put s3://', 'put curl'],
    ['get', 'get s3://', 'get file://'],
    ['get', 'get s3://', 'get aws s3 cp'],
    ['get', 'get s3://', 'get curl'],
  ] as const)
    process.stdout.write(
      `${what}: s3:// is ${(rateOf(own) / rateOf(other)).toFixed(2)} × as fast as ${other.slice(4)}\n`,
    );
} finally {
  await server.close();
  await rm(root, { recursive: true, force: true });
}

async function forget(): Promise<void> {
  for (const name of await readdir(cache)) await rm(join(cache, name), { recursive: true, force: true });
}

/** Rows of an experiment are many small objects, some at a time. */
async function putSmall(store: ArtifactStore, round: number): Promise<void> {
  const bytes = await readFile(join(root, 'source'));
  const put = (index: number): Promise<ArtifactRef> =>
    store.put(bytes.subarray(index * SMALL.bytes, (index + 1) * SMALL.bytes), `x/${round}`);
  for (let index = 0; index < SMALL.count; index += 8)
    await Promise.all(Array.from({ length: 8 }, (_, offset) => put(index + offset)));
}
