// A real S3 server for tests: the Versity Gateway over a folder, built by fetch-s3-server.sh.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';

const built = fileURLToPath(new URL('../../.cache/overtone/versitygw/versitygw', import.meta.url));
const program = process.env.OVERTONE_S3_SERVER || built;

/** Why tests that need the server are skipped; undefined when it is here. */
export const noS3Server = existsSync(program)
  ? undefined
  : 'there is no S3 server here: test/store/fetch-s3-server.sh builds one';

/** Credentials that must never be seen anywhere. */
export const CANARY = {
  AWS_ACCESS_KEY_ID: 'canaryaccesskey00001',
  AWS_SECRET_ACCESS_KEY: 'canarySecretThatMustNeverBeSeen0123456789',
} as const;

/** A server that can be killed and started again. */
export class S3Server {
  /** Everything that it stores: a bucket is a folder in it. */
  readonly folder: string;
  readonly port: number;
  #process: ChildProcess | undefined;

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
  }

  /** Starts a server with one bucket. */
  static async start(bucket: string): Promise<S3Server> {
    const root = await mkdtemp(join(tmpdir(), 'overtone-s3-'));
    await mkdir(join(root, 'buckets', bucket), { recursive: true });
    const server = new S3Server(root, await freePort());
    await server.run();
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What a process needs to use it. */
  get environment(): Record<string, string> {
    return { ...CANARY, AWS_ENDPOINT_URL_S3: this.endpoint, AWS_REGION: 'us-east-1' };
  }

  /** Starts the process, and waits until it listens. */
  async run(): Promise<void> {
    const options = ['--port', `127.0.0.1:${this.port}`, '--quiet', 'posix', join(this.folder, 'buckets')];
    const started = spawn(program, options, {
      env: {
        PATH: process.env.PATH,
        ROOT_ACCESS_KEY: CANARY.AWS_ACCESS_KEY_ID,
        ROOT_SECRET_KEY: CANARY.AWS_SECRET_ACCESS_KEY,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = started;
    const said: string[] = [];
    for (const stream of [started.stdout, started.stderr])
      stream.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    for (let tries = 0; !(await listens(this.port)); tries += 1) {
      if (started.exitCode !== null || tries > 400)
        throw new Error(`the S3 server does not start: ${said.join('')}`);
      await delay(25);
    }
  }

  /** Ends the process at once. */
  async kill(): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    running.kill('SIGKILL');
    await once(running, 'exit');
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A way past the store. */
export class RawBucket {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(endpoint: string, bucket: string) {
    this.#bucket = bucket;
    this.#client = new S3Client({
      endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: CANARY.AWS_ACCESS_KEY_ID, secretAccessKey: CANARY.AWS_SECRET_ACCESS_KEY },
    });
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#client.send(new PutObjectCommand({ Bucket: this.#bucket, Key: key, Body: bytes }));
  }

  async get(key: string): Promise<Uint8Array> {
    const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
    return (await Body?.transformToByteArray()) ?? new Uint8Array();
  }

  async remove(key: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: key }));
  }

  /** The keys that begin so. */
  async keys(prefix: string): Promise<string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.#client.send(
        new ListObjectsV2Command({
          Bucket: this.#bucket,
          Prefix: prefix,
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
      );
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key);
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return keys;
  }

  /** Uploads in parts that nobody has ended. */
  async unfinished(prefix: string): Promise<number> {
    const request = new ListMultipartUploadsCommand({ Bucket: this.#bucket, Prefix: prefix });
    return (await this.#client.send(request)).Uploads?.length ?? 0;
  }

  close(): void {
    this.#client.destroy();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
