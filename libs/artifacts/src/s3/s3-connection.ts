// Requests to one bucket. The SDK is loaded with the first of them. Errors are explained, requests tried again, and credentials read anew
// where the service does not take them any more.
import type * as Sdk from '@aws-sdk/client-s3';
import { setTimeout as delay } from 'node:timers/promises';
import { PatientRetries, pauseAfter } from './patient-retries.ts';
import type { S3Address } from './s3-address.ts';
import { concernsCredentials, explain, saysMissing, saysNothing } from './s3-errors.ts';
import type { S3Settings } from './s3-settings.ts';

/** What requests are made with. */
export interface Loaded {
  readonly sdk: typeof Sdk;
  readonly client: Sdk.S3Client;
}

/** What is known of an object without its bytes. */
export interface ObjectHead {
  /** Bytes. */
  readonly size: number;
  /** Base64 of the whole object's SHA-256; undefined where the service does not know it. */
  readonly checksum: string | undefined;
}

/** Some of an object's bytes. */
export interface ObjectRange {
  readonly bytes: Uint8Array;
  /** Of the whole object. */
  readonly size: number;
}

/** An object of a listing. */
export interface ListedObject {
  /** Relative to the store. */
  readonly name: string;
  readonly size: number;
  readonly modified: Date;
}

/** A connection; names are relative to the store's prefix. */
export class S3Connection {
  readonly address: S3Address;
  readonly #settings: S3Settings;
  #loading: Promise<Loaded> | undefined;
  /** Whether the service has ever answered. */
  #known = false;
  /** Whether it has ever said that it looked into the bucket. */
  #found = false;
  /** Whether the service knows If-None-Match; it is told otherwise once. */
  conditional = true;

  constructor(address: S3Address, settings: S3Settings) {
    this.address = address;
    this.#settings = settings;
  }

  /** The name in the bucket. */
  key(name: string): string {
    return `${this.address.prefix}${name}`;
  }

  /** The whole address of an object, for people. */
  place(name: string): string {
    return `s3://${this.address.bucket}/${this.key(name)}`;
  }

  /**
   * Makes requests.
   *
   * @param doing for the error, for example "put objects/ab/abc…".
   * @throws StoreError that says what to do; the signal's reason.
   */
  async call<Result>(
    doing: string,
    work: (loaded: Loaded) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    for (let renewed = false; ; renewed = true) {
      signal?.throwIfAborted();
      let loading: Promise<Loaded> | undefined;
      try {
        loading = this.#loading ??= this.#load();
        return await unlessAborted(work(await loading), signal);
      } catch (error) {
        signal?.throwIfAborted();
        if (renewed || !concernsCredentials(error))
          throw explain(error, { address: this.address, settings: this.#settings }, doing);
        // A mounted file may hold newer ones by now.
        if (this.#loading === loading) this.#loading = undefined;
      }
    }
  }

  /** What is known of an object; undefined when there is none. */
  head(name: string, signal?: AbortSignal): Promise<ObjectHead | undefined> {
    const request = { Bucket: this.address.bucket, Key: this.key(name), ChecksumMode: 'ENABLED' } as const;
    return this.call(
      `look for ${name}`,
      async ({ sdk, client }) => {
        try {
          const found = await client.send(new sdk.HeadObjectCommand(request), options(signal));
          const { ContentLength: size = 0, ChecksumSHA256: checksum } = found;
          // Of an object in parts it is that of the parts' checksums.
          return { size, checksum: checksum?.includes('-') === true ? undefined : checksum };
        } catch (error) {
          // An answer to HEAD says no more than its status: once, and whenever it is another, the reason is asked for.
          if (!saysMissing(error) || !this.#found) {
            const reason = await this.#reason({ sdk, client }, name, signal);
            if (reason !== undefined) throw saysMissing(error) || saysNothing(error) ? reason : error;
            if (!saysMissing(error)) throw error;
            this.#found = true;
          }
          return undefined;
        }
      },
      signal,
    );
  }

  /** What is wrong with reading an object; undefined where nothing is, or there is none. */
  async #reason({ sdk, client }: Loaded, name: string, signal: AbortSignal | undefined): Promise<unknown> {
    const request = { Bucket: this.address.bucket, Key: this.key(name), Range: 'bytes=0-0' };
    try {
      const { Body } = await client.send(new sdk.GetObjectCommand(request), options(signal));
      await Body?.transformToByteArray();
    } catch (error) {
      if (!saysMissing(error)) return error;
    }
    return undefined;
  }

  /** Bytes of an object; undefined when there is none. */
  range(
    name: string,
    { from, length }: { from: number; length: number },
    signal?: AbortSignal,
  ): Promise<ObjectRange | undefined> {
    const request = {
      Bucket: this.address.bucket,
      Key: this.key(name),
      Range: `bytes=${from}-${from + length - 1}`,
    };
    const since = performance.now();
    return this.call(
      `get ${name}`,
      async ({ sdk, client }) => {
        for (let tries = 0; ; tries += 1) {
          let response: Sdk.GetObjectCommandOutput;
          try {
            response = await client.send(new sdk.GetObjectCommand(request), options(signal));
          } catch (error) {
            if (saysMissing(error)) return undefined;
            // Of an object without bytes there is no range.
            if (from === 0 && error instanceof Error && error.name === 'InvalidRange')
              return { bytes: new Uint8Array(), size: 0 };
            throw error;
          }
          try {
            const bytes = (await response.Body?.transformToByteArray()) ?? new Uint8Array();
            const size = Number(response.ContentRange?.split('/')[1] ?? bytes.length);
            return { bytes, size };
          } catch (error) {
            signal?.throwIfAborted();
            // The SDK tries again until an answer begins; this one broke off.
            const pause = pauseAfter(tries);
            if (performance.now() - since + pause > this.#settings.patienceMs.known && tries >= 2)
              throw error;
            await delay(pause, undefined, signal === undefined ? {} : { signal });
          }
        }
      },
      signal,
    );
  }

  /** The store's objects whose names begin so, in the order of their names. */
  async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    let token: string | undefined;
    do {
      const request = {
        Bucket: this.address.bucket,
        Prefix: this.key(prefix),
        ...(token === undefined ? {} : { ContinuationToken: token }),
      };
      const page = await this.call(
        `list ${prefix}`,
        ({ sdk, client }) => client.send(new sdk.ListObjectsV2Command(request), options(signal)),
        signal,
      );
      for (const { Key: key, Size: size = 0, LastModified: modified = new Date(0) } of page.Contents ?? [])
        if (key !== undefined) yield { name: key.slice(this.address.prefix.length), size, modified };
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  /** Removes an object; that there is none is no error. */
  async remove(name: string, signal?: AbortSignal): Promise<void> {
    const request = { Bucket: this.address.bucket, Key: this.key(name) };
    await this.call(
      `remove ${name}`,
      ({ sdk, client }) => client.send(new sdk.DeleteObjectCommand(request), options(signal)),
      signal,
    );
  }

  async #load(): Promise<Loaded> {
    const [sdk, { defaultProvider }] = await Promise.all([
      import('@aws-sdk/client-s3'),
      import('@aws-sdk/credential-provider-node'),
    ]);
    const { endpoint, region, pathStyle, idleMs, patienceMs } = this.#settings;
    const client = new sdk.S3Client({
      ...(endpoint === undefined ? { followRegionRedirects: true } : { endpoint }),
      ...(region === undefined ? {} : { region }),
      // Otherwise the SDK keeps what it has read of files for as long as the process lives.
      credentials: defaultProvider({ ignoreCache: true }),
      forcePathStyle: pathStyle,
      // Services that do not know the newer checksums would refuse them; those that matter are given with each request.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      retryStrategy: new PatientRetries(
        () => (this.#known ? patienceMs.known : patienceMs.unknown),
        () => {
          this.#known = true;
        },
      ),
      requestHandler: {
        connectionTimeout: Math.min(idleMs, 5000),
        socketTimeout: idleMs,
        httpAgent: { keepAlive: true, maxSockets: 32 },
        httpsAgent: { keepAlive: true, maxSockets: 32 },
      },
    });
    return { sdk, client };
  }
}

/** A request's options. */
export function options(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

/** Waits, but no longer than the signal allows: the SDK does not look at it while it pauses between tries. */
async function unlessAborted<Result>(
  promise: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (signal === undefined) return promise;
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
    promise.catch(() => {});
  }
}
